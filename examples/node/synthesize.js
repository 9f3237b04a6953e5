// Draw a unit's picture from Node. The client is made from the .proto files when this starts; nothing is generated.
//
//     dgnam-server                                                              # in another terminal
//     npm install --prefix examples/node
//     node examples/node/synthesize.js efficientnet-lite0:fc:lemon lemon.png
//
// DGNAM_SERVER is the server, grpc://host:port, DGNAM_STEPS the number of steps, DGNAM_PROTO the folder with dgnam_proto/.

const fs = require('node:fs')
const path = require('node:path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const [address = 'efficientnet-lite0:fc:lemon', file = 'picture.png'] = process.argv.slice(2)
const [model, tap, label] = address.split(':')
const server = (process.env.DGNAM_SERVER || 'grpc://127.0.0.1:7433').replace('grpc://', '')
const protos = process.env.DGNAM_PROTO || path.join(__dirname, '../../proto')

const definition = loader.loadSync('dgnam_proto/v1/synthesis.proto', { includeDirs: [protos], keepCase: true, oneofs: true })
const { SynthesisService } = grpc.loadPackageDefinition(definition).dgnam.v1
const client = new SynthesisService(server, grpc.credentials.createInsecure())

const request = { target: { terms: [{ unit: { model, tap, label } }] } }
if (process.env.DGNAM_STEPS) request.options = { steps: Number(process.env.DGNAM_STEPS) }

const call = client.synthesize(request)
call.on('data', (response) => {
  if (response.event === 'progress') {
    const { step, total_steps: total, activation } = response.progress.variants[0]
    console.log(`step ${step} of ${total}, activation ${activation.toFixed(1)}`)
  } else if (response.event === 'result') {
    fs.writeFileSync(file, response.result.png)
    const { activation, history } = response.result
    console.log(`${file}: activation ${activation.toFixed(1)} after ${history.shape[0]} steps`)
  }
})
call.on('error', (error) => {
  console.error(`${grpc.status[error.code]}: ${error.details}`)
  process.exitCode = 1
})
