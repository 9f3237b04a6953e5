"""SynthesisService: read the request, have it drawn, write what happens."""

from contextlib import aclosing
from dataclasses import dataclass

from dgnam_proto.v1 import synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import DrawRequest, DrawResponse, SynthesizePixelsRequest, SynthesizeRequest

from dgnam_server.rpc import draw, queueing, request
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.result import Writer, has_pictures
from dgnam_server.rpc.space import Request
from dgnam_server.rpc.submission import Context, Submitter, passed_on


@dataclass(frozen=True, eq=False)
class SynthesisServicer(synthesis_pb2_grpc.SynthesisServiceServicer):
    """Draws pictures. Decoding and encoding them takes milliseconds, so both happen beside the event loop; writing numbers does not."""

    submitter: Submitter
    provenance: Provenance

    async def Synthesize(self, request: SynthesizeRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of a synthesis with a prior."""
        await self._stream(request, context)

    async def SynthesizePixels(self, request: SynthesizePixelsRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of a synthesis of pixels."""
        await self._stream(request, context)

    async def _stream(self, asked: Request, context: Context) -> None:
        builder = self.submitter.builder
        pools, reader = self.submitter.pools, self.submitter.reader()
        spec = await request.pictured(reader, asked, await pools.check(request.read, reader, asked), pools.decoder.decode)
        writer = Writer(asked, spec, builder.catalog, self.provenance)
        async with aclosing(self.submitter.deliveries(builder.synthesis(spec), context, queueing.read(asked))) as deliveries:
            async for delivery in deliveries:
                # A thread of its own costs more than a message without pictures does.
                message = await pools.encode(writer.message, delivery) if has_pictures(delivery) else writer.message(delivery)
                await passed_on(context, message, self.submitter.limits.read_timeout_s)

    async def Draw(self, request: DrawRequest, context: Context) -> DrawResponse:  # noqa: N802
        """The pictures of codes."""
        codes = await self.submitter.pools.check(draw.read, self.submitter.reader(), request)
        work = self.submitter.builder.drawing(codes.prior.name, codes.values)
        images = await self.submitter.values(work, context, queueing.read(request))
        return await self.submitter.pools.encode(draw.response, codes, images, request.include)
