"""The examples that end each command's help."""

from __future__ import annotations

EXAMPLES = """\
examples:
  dgnam doctor                                            is everything in order?
  dgnam models                                            what can be looked at
  dgnam units efficientnet-lite0 --filter lem             its units' names
  dgnam synth efficientnet-lite0:fc:lemon -o lemon.png    one picture, and its recipe in lemon.json
  dgnam search --score ./measure.sh                       what a neuron of yours prefers
  dgnam activations lemon.png efficientnet-lite0:fc       what a network makes of it
  dgnam invert photo.jpg efficientnet-lite0:block3b       what a layer keeps of a photograph
  dgnam look photo.jpg efficientnet-lite0 --occlusion     what in it its class comes from
  dgnam exemplars efficientnet-lite0:block5b:17           which photographs excite a unit most

The server is --server, or else DGNAM_SERVER in the environment, or else {server}.
DGNAM_TOKEN holds the token of a server that wants one. `dgnam COMMAND --help` tells more.
"""
SYNTH_EXAMPLES = """\
A target is model:tap:unit. The unit is a label or an index; @y,x after it is a place in a convolutional tap, @n a token of a
transformer. Where a number could be either, index=7 or label=7 says which.
Each target becomes a picture; + between addresses puts several units into one, and 0.5* in front weighs one.
model:tap:0-29 is thirty targets; @units.txt is those in the lines of a file.

examples:
  dgnam synth efficientnet-lite0:fc:lemon -o lemon.png
  dgnam synth efficientnet-lite0:fc:lemon efficientnet-lite0:fc:teapot -o pictures/ --grid sheet.png
  dgnam synth "efficientnet-lite0:fc:lemon+0.5*efficientnet-lite0:fc:teapot" --seed 7
  dgnam synth efficientnet-lite0:block5c:12@7,7 --steps 400 --variants 4
  dgnam synth efficientnet-lite0:fc:lemon --method pyramid --tv-weight 0.2 -o lemon.png
  dgnam synth efficientnet-lite0:block5c:17 --exemplars -o unit.png
  dgnam synth efficientnet-lite0:block3b --features photo.jpg --method pyramid -o again.png
  dgnam synth --replay lemon.json -o again.png
  dgnam synth efficientnet-lite0:block5c:0-29 -o set/ --table set.csv --skip-existing
  dgnam synth efficientnet-lite0:fc:lemon --rank 8 --judge efficientnet-lite2 -o best/
  dgnam synth efficientnet-lite0:fc:lemon --sweep steps=50,200 --sweep decay=0,0.01 -o sweep/ --grid sweep.png

Every option of the method can be given as --NAME VALUE. `dgnam synth --method NAME --help` lists them.
Without -o, pictures go to the current folder, named after target and seed; with --grid alone, only the sheet is written.
Each picture is written when it is ready. Ctrl-C stops the server's work too and keeps what is finished.
"""
INVERT_EXAMPLES = """\
A place is model:tap, all of whose activations the picture is to have; model:tap:17, where all that is active is gathered in
feature map 17 first; or model, for each of its taps. The activation told is minus the squared distance, relative to the size
of what is wanted: -0.01 is an error of one percent.

examples:
  dgnam invert photo.jpg efficientnet-lite0 --grid sheet.png                        every tap, on one sheet
  dgnam invert photo.jpg vgg19:relu3_2:17 -o texture.png                            what one filter makes of it
  dgnam invert photo.jpg efficientnet-lite0:block3b --random --variants 2           two other mixtures of its textures
  dgnam invert photo.jpg efficientnet-lite0:head2x2 --feed-forward -o both/         beside it what a prior draws of the code
  dgnam invert photo.jpg efficientnet-lite0:pool --prior upconv128-lite0 --start photo.jpg

Every option of the method can be given as --NAME VALUE, such as --steps 400. `dgnam methods inversion` lists them.
"""
RESTYLE_EXAMPLES = """\
The picture keeps what the content tap sees of the photograph, and its feature maps get the means that the style picture gives
them, or with --gram their Gram matrix. Both pictures are scaled and cropped to the network's input.

examples:
  dgnam restyle photo.jpg --style painting.jpg --network vgg19 -o restyled.png
  dgnam restyle photo.jpg --style painting.jpg --network efficientnet-lite0 --gram --style-weight 5

Every option of the method can be given as --NAME VALUE, such as --steps 400. `dgnam methods inversion` lists them.
"""
ACCENTUATE_EXAMPLES = """\
The picture starts from the photograph and stays near it at one tap, in features and not in pixels, while the unit rises: it
shows what in this very photograph the unit responds to. --alpha makes transparent what did not matter.

examples:
  dgnam accentuate photo.jpg efficientnet-lite0:fc:lemon -o lemon.png --alpha
  dgnam accentuate photo.jpg efficientnet-lite0:block5c:17 efficientnet-lite0:block5c:18 --grid sheet.png
  dgnam accentuate photo.jpg efficientnet-lite0:fc:lemon --nearness 3 --tap block3b -o nearer.png

Every option of the method can be given as --NAME VALUE, such as --steps 200. `dgnam methods accentuation` lists them.
"""
METAMER_EXAMPLES = """\
The picture is drawn from noise. With --unlike there are two: one that the first network cannot tell from the photograph and the
other can, and one the other way round. The activation told of each tap is minus the squared relative distance; 0 is the same.

examples:
  dgnam metamer photo.jpg efficientnet-lite0:block5c -o same.png
  dgnam metamer photo.jpg efficientnet-lite0:block4c --unlike efficientnet-lite2:block4c -o pair/ --grid pair.png

Every option of the method can be given as --NAME VALUE, such as --steps 400. `dgnam methods inversion` lists them.
"""
VITAL_EXAMPLES = """\
Exemplars are photographs that excite the unit strongly; about ten. In every map before the unit the picture gets the distribution
of activations that they have on average, wherever in it things are. For hidden units, maps count by what they say for the unit.

examples:
  dgnam vital efficientnet-lite0:fc:lemon lemons/ -o lemon.png
  dgnam vital efficientnet-lite0:block5c:17 a.jpg b.jpg c.jpg --taps block2b block3b block4c -o unit.png --alpha

Every option of the method can be given as --NAME VALUE, such as --steps 400. `dgnam methods vital` lists them.
"""
INPAINT_EXAMPLES = """\
Outside the hole the picture is the photograph, scaled and cropped to the picture's size; inside it a unit is raised.

examples:
  dgnam inpaint photo.jpg efficientnet-lite0:fc:lemon --hole 60,40,180,200 -o lemon.png
  dgnam inpaint photo.jpg efficientnet-lite0:fc:lemon --mask mask.png --method ppgn -o lemon.png
  dgnam inpaint photo.jpg efficientnet-lite0:fc:lemon --hole 60,40,180,200 --method lucid --size 224 -o pixels.png

Every option of the method can be given as --NAME VALUE, such as --context-weight 300, which draws what surrounds the hole more
strongly towards the photograph.
"""
DIVERSIFY_EXAMPLES = """\
One picture is drawn after the other, each made different from those before it: in the textures of one tap, or with --features in
its activations. A unit that likes two things may show both.

examples:
  dgnam diversify efficientnet-lite0:block6d:17 --pictures 4 -o different/ --grid different.png
  dgnam diversify efficientnet-lite0:block5c:17 --method lucid --diversity 1 --grid different.png

Every option of the method can be given as --NAME VALUE.
"""
FACETS_EXAMPLES = """\
The photographs that excite the unit most are put into groups by what the network makes of them (Nguyen et al. 2016b). Each group
gives a start: with a prior the mean of its photographs' codes, without one their mean picture.

examples:
  dgnam facets efficientnet-lite0:fc:lemon photos/ --groups 4 -o facets/ --grid facets.png
  dgnam facets efficientnet-lite0:block5c:17 photos/ --method mahendran-2016 --grid facets.png

Every option of the method can be given as --NAME VALUE.
"""
ACTIVATIONS_EXAMPLES = """\
A place is model:tap for a whole tap, model:tap:unit for one unit, or model for its output tap; @y,x after it is one
position of a convolutional tap's map. Of a whole convolutional tap, each channel counts with its largest activation.

examples:
  dgnam activations photo.jpg efficientnet-lite0:fc
  dgnam activations photo.jpg efficientnet-lite0:block5c --top 3
  dgnam activations photo.jpg efficientnet-lite0:pool -o pool.npy
"""
LOOK_EXAMPLES = """\
A target is model:tap:unit; with @y,x one activation of a convolutional tap's map, without it the strongest. model:tap is
the tap's strongest unit for the picture, and model alone that of its output tap.
Without --method the deconvnet sends the activation back to the pixels, by the switches of max pooling; in a network without
any, such as EfficientNet, guided backpropagation does. `dgnam methods` lists all; `--method all` is each.
With --occlusion a grey square slides over the picture. A target is then a feature map to watch, or a class; or one of each.
With --invariance the picture is moved, turned and scaled. Targets are then layers to compare, and at most one class.

examples:
  dgnam look photo.jpg alexnet64:conv5
  dgnam look photo.jpg efficientnet-lite0
  dgnam look photo.jpg efficientnet-lite0:block5c:17 --top 9 --method saliency -o projection.png
  dgnam look photo.jpg efficientnet-lite0:fc:lemon --method all --grid sheet.png
  dgnam look photo.jpg efficientnet-lite0:fc:lemon --method integrated-gradients --steps 200 -o evidence.npy
  dgnam look photo.jpg efficientnet-lite0 --occlusion -o occlusion.png
  dgnam look photo.jpg efficientnet-lite0:block5c:17 efficientnet-lite0:fc:lemon --occlusion --size 40 --stride 12 -o maps.npz
  dgnam look photo.jpg efficientnet-lite0 --invariance -o curves.png
  dgnam look photo.jpg efficientnet-lite0:stem efficientnet-lite0:pool --invariance --rotations -20 -10 10 20 -o curves.npz
  dgnam look --replay projection.json -o again.png

Without -o, the pictures go to the current folder. Ctrl-C stops the server's work too.
"""
FILTERS_EXAMPLES = """\
A filter dominates when it is more than three times as strong as the median one, and is dead below a tenth of it (Zeiler &
Fergus 2013, fig. 6). Strength is the root mean square of its weights, for RGB in [0, 1].

examples:
  dgnam filters efficientnet-lite0
  dgnam filters efficientnet-lite0 --shared-scale -o filters.png
  dgnam filters efficientnet-lite0 -o filters.npy
"""
EXEMPLARS_EXAMPLES = """\
A unit is model:tap:unit. The server needs an index of photographs for its network: `dgnam-models index` makes one, and
`dgnam-server --indices FOLDER` serves it.
With -o, a sheet shows what the unit sees in each photograph, and what in that its activation comes from; of several units
a block for each.

examples:
  dgnam exemplars efficientnet-lite0:block5b:17
  dgnam exemplars efficientnet-lite0:block5b:17 --method guided-backpropagation -o sheet.png
  dgnam exemplars efficientnet-lite0:block4b:0 efficientnet-lite0:block4b:1 --method saliency -o figure.png
  dgnam exemplars efficientnet-lite0:fc:lemon --count 25 --method guided-backpropagation -o sheet.png

A method's own options can be given as --NAME VALUE.
"""
DRAW_EXAMPLES = """\
A code file is an array that numpy.save wrote: one code, shape (D,), or several, shape (N, D).
`dgnam synth --code` writes such a file beside each picture.

examples:
  dgnam synth efficientnet-lite0:fc:lemon -o lemon.png --code
  dgnam draw lemon.code.npy -o again.png
"""
SEARCH_EXAMPLES = """\
The neuron is a command of yours. It gets paths of pictures as its last arguments and prints a line for each, in their
order: its score, or several with spaces between them where it was shown several times, or - where there is none.

examples:
  dgnam search my-neuron --score ./measure.sh --references photos/ --plot scores.png
  dgnam search my-neuron --score "python rig.py 7" --repeats 3 --patience 20
  dgnam search --unit efficientnet-lite0:block3b:5@14,14 --optimizer genetic --option mutation-size=0.75

The search is kept on the server under its name, so that the same command goes on with it after Ctrl-C or a crash.
Pictures go to a folder of that name, or to -o. `dgnam searches --optimizers` lists optimizers and their options.
"""
ATLAS_EXAMPLES = """\
The server keeps the job: it goes on after Ctrl-C, and after the server was killed. The same command finds it again, and
no picture is drawn twice. Requests of people who wait come first.
The folder gets the pictures with their recipes, a table (Parquet where that package is installed, else CSV), and
index.html, which opens in any browser.

examples:
  dgnam atlas efficientnet-lite0 --taps block3b block5c --seeds 3
  dgnam atlas efficientnet-lite0:fc:0-9 --method dgn-am --method pyramid -o ten
  dgnam atlas efficientnet-lite0:block5c --exemplars 9 --occlusion
  dgnam atlas efficientnet-lite0 --detach

A method's own options can be given as --NAME VALUE, such as --steps 100: every method of the job takes them.
"""
JOBS_EXAMPLES = """\
examples:
  dgnam jobs
  dgnam jobs 1f3a --watch
  dgnam jobs 1f3a -o folder
"""

GALLERY_EXAMPLES = """\
It needs pip install "dgnam-client[gallery]".

examples:
  dgnam gallery                                   then open http://127.0.0.1:8080
  dgnam gallery --server gpu-box:7433 --port 0    another machine's server, any free port
  dgnam gallery --host 0.0.0.0                    for other machines: the address is printed with its token
"""
