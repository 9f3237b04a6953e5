"""The models on this machine, and the way in for others.

    dgnam-models list                                  every model: the bundled ones and those of --models
    dgnam-models show alexnet64                        one model's card
    dgnam-models verify --models mine                  digests, shapes, a trial run
    dgnam-models export alexnet64 --onnx alexnet64.onnx
    dgnam-models statistics alexnet64 fc6 --images photographs/ --out fc6.safetensors
    dgnam-models import torchvision resnet50 --weights resnet50-11ad3fa6.pth --into mine
    dgnam-models import caffe deploy.prototxt caffenet.caffemodel --mean 104 117 123 --into mine
    dgnam-models import onnx birds.onnx --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --into mine
    dgnam-models import generator gan.onnx --code-range -3 3 --into mine

A pack is a folder with cards/ and weights/. `import` adds to one (--into), and the server serves it: dgnam-server --models mine. What is
imported is checked first and written whole or not at all. Nothing is unpickled, and nothing is downloaded but with --fetch.
"""

import argparse
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dgnam_models
from dgnam_models import CardError, ModelCard, Network, export, fetch, pack
from dgnam_models.card import Preprocessing
from dgnam_models.importers import caffe, generator, onnx, published, read_labels, torchvision
from dgnam_models.lab.train import data
from dgnam_models.lab.train.export import codes_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, 1 if a model has a fault, 2 if the command cannot be carried out."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        sys.stderr.close()
        return 0
    except (CardError, data.DataError, OSError, ImportError) as error:
        print(f"dgnam-models: {error}", file=sys.stderr)
        return 2


_FITS = {"crop": "cropped", "resize": "resized"}

# --- what there is ---------------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    cards = dgnam_models.cards(options.models)
    width = max(map(len, cards))
    for name, card in sorted(cards.items()):
        height, wide = card.preprocessing.size
        print(f"{name:{width}}  {card.role:10}  {height} x {wide}  {card.description}")
    return 0


def _show(options: argparse.Namespace) -> int:
    card = _known(options.name, dgnam_models.cards(options.models))
    form = card.preprocessing
    print(f"{card.name}: {card.description}")
    print(f"role           {card.role}, architecture {card.architecture}")
    height, width = form.size
    print(f"picture        {height} x {width}, {form.channels}, of 0 to 1: mean {_numbers(form.mean)}, range {_numbers(form.std)}")
    if card.code is not None:
        whose = f", those of {card.code.encoder}:{card.code.tap}" if card.code.encoder else ""
        print(f"code           {len(card.code.mean)} units{whose}; its pictures are {_FITS[card.fit]} for a network of another size")
    if card.labels:
        print(f"labels         {len(card.labels)}, on {card.output_tap}: {', '.join(card.labels[:4])}, ...")
    print(f"weights        {card.file}, {card.format}, SHA-256 {card.sha256}")
    print(f"licence        {card.licence}")
    if card.forward_only:
        print(f"no gradients   {card.forward_only}")
    for key, value in card.training.items():
        print(f"{key:14} {value}")
    for tap in card.taps:
        print(f"tap            {tap.name}  {' x '.join(map(str, tap.shape))}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    faults = 0
    for name in options.names or dgnam_models.names(options.models):
        try:
            problems = pack.problems(dgnam_models.load(name, packs=options.models))
        except (CardError, KeyError) as error:
            problems = [str(error.args[0])]
        faults += bool(problems)
        print(f"{name}: {'; '.join(problems) or 'good'}", flush=True)
    return 1 if faults else 0


def _statistics(options: argparse.Namespace) -> int:
    encoder = dgnam_models.load(_known(options.encoder, dgnam_models.cards(options.models)).name, packs=options.models)
    if not isinstance(encoder, Network) or options.tap not in [tap.name for tap in encoder.card.taps]:
        raise CardError(f"{options.encoder} has no tap {options.tap!r}: dgnam-models show {options.encoder}")
    photographs = data.load(options.images, max(encoder.input_size), options.limit)
    codes = codes_of(encoder, options.tap, photographs)
    generator.write_statistics(options.out, codes, options.encoder, options.tap)
    print(f"{options.out}: {codes.shape[1]} units of {options.encoder}:{options.tap} over {len(codes)} photographs")
    return 0


def _export(options: argparse.Namespace) -> int:
    model = dgnam_models.load(_known(options.name, dgnam_models.cards(options.models)).name, packs=options.models)
    export.onnx(model, options.onnx)
    print(f"{options.onnx}: {model.name}, equal to what onnxruntime computes from it")
    return 0


def _known(name: str, cards: Mapping[str, ModelCard]) -> ModelCard:
    if name not in cards:
        raise CardError(f"unknown model {name!r}; there are {', '.join(sorted(cards))}")
    return cards[name]


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


# --- import ----------------------------------------------------------------------------------------------------------


def _torchvision(options: argparse.Namespace) -> int:
    card, weights = torchvision.convert(
        options.model,
        options.name or options.model,
        file=options.weights,
        published=options.published,
        labels=read_labels(options.labels) if options.labels else (),
        size=options.size and (options.size[0], options.size[-1]),
        parameters=dict(options.parameter),
        **_licence(options),
    )
    return _add(options, card, weights)


def _caffe(options: argparse.Namespace) -> int:
    _fetched(options)
    mean = caffe.read_mean(options.mean_file) if options.mean_file else options.mean and tuple(options.mean)
    subtraction = caffe.Subtraction(mean, options.scale, options.rgb)
    files, name = (options.prototxt, options.weights), options.name or options.weights.stem
    given = (options.encoder, options.tap, options.bounds)
    if not any(given):
        labels = read_labels(options.labels) if options.labels else ()
        card, weights = caffe.classifier(*files, name, subtraction=subtraction, labels=labels, **_licence(options))
    elif all(given):
        card, weights = caffe.generator(
            *files,
            name,
            subtraction=subtraction,
            encoder=options.encoder,
            tap=options.tap,
            bounds=options.bounds,
            start_learning_rate=options.start_learning_rate,
            **_licence(options),
        )
    else:
        raise CardError("a generator needs all three: --encoder, --tap and --bounds")
    return _add(options, card, weights)


def _fetched(options: argparse.Namespace) -> None:
    """With --fetch, the published files and what is known of them, wherever the command line does not say otherwise."""
    if options.fetch is None:
        if options.prototxt is None or options.weights is None:
            raise CardError("give a .prototxt and a .caffemodel, or --fetch NAME")
        return
    if options.prototxt is not None:
        raise CardError("give files or --fetch, not both")
    entry = published.get(options.fetch, options.cache or fetch.cache(), options.most_mb, fetch.to_stderr)
    options.prototxt, options.weights, options.name = Path(entry.prototxt), Path(entry.weights), options.name or options.fetch
    if options.mean is None and options.mean_file is None:
        options.mean = list(entry.mean)
    if entry.bounds is not None:
        options.encoder, options.tap = options.encoder or entry.encoder, options.tap or entry.tap
        options.bounds = options.bounds or Path(entry.bounds)


def _generator(options: argparse.Namespace) -> int:
    if options.code_range is not None:
        units = generator.code_units(options.file, options.architecture, dict(options.parameter))
        low, high = options.code_range
        code = generator.Range.between([low] * units, [high] * units)
    else:
        code = generator.Range.read(options.bounds or options.statistics)
    if options.encoder or options.tap:
        code = replace(code, encoder=options.encoder or code.encoder, tap=options.tap or code.tap)
    card, weights = generator.prior(
        options.file,
        options.name or options.file.stem,
        code=code,
        levels=tuple(options.levels),
        order="BGR" if options.bgr else "RGB",
        fit=options.fit,
        architecture=options.architecture,
        parameters=dict(options.parameter),
        start_learning_rate=options.start_learning_rate,
        **_licence(options),
    )
    return _add(options, card, weights)


def _onnx(options: argparse.Namespace) -> int:
    card, write = onnx.classifier(
        options.file,
        options.name or options.file.stem,
        preprocessing=_preprocessing(options, onnx.size_of(options.file, options.size and (options.size[0], options.size[-1]))),
        taps=options.taps,
        output=options.output,
        labels=read_labels(options.labels) if options.labels else (),
        **_licence(options),
    )
    return _add(options, card, write)


def _preprocessing(options: argparse.Namespace, size: tuple[int, int]) -> Preprocessing:
    """What --mean, --std, --white, --bgr and --grey say of pixels of 0 to 1."""
    channels: Any = "GREY" if options.grey else "BGR" if options.bgr else "RGB"
    count = 1 if options.grey else 3
    mean, std = (tuple(value / options.white for value in values) for values in (options.mean, options.std))
    form = Preprocessing(size, channels, mean * count if len(mean) == 1 else mean, std * count if len(std) == 1 else std)
    if wrong := form.problems():
        raise CardError("; ".join(wrong))
    return form


def _add(options: argparse.Namespace, card: ModelCard, weights: pack.Weights) -> int:
    card = pack.write(options.into, card, weights, over=options.over)
    what = f"{len(card.taps)} taps, output {card.output_tap}" if card.code is None else f"a code of {len(card.code.mean)} units"
    if card.forward_only:
        print(f"{card.name}: nothing can be drawn for it, its gradients cannot be used: {card.forward_only}", file=sys.stderr)
    print(f"{card.name}: {card.role}, {what}. Serve it with: dgnam-server --models {options.into}")
    return 0


def _licence(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.licence is None else {"licence": options.licence}


def _parameter(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as TOML writes it."""
    key, _, value = text.partition("=")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE with a number, true, false or a 'text'") from error


# --- the command line ------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("dgnam-models", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(where: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = where.add_parser(
            name, help=text.splitlines()[0], description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        made.set_defaults(run=run)
        return made

    for name, run, text in (
        ("list", _list, "list every model: name, role, height x width of its pictures in pixels, description"),
        ("show", _show, "show one model's card: preprocessing, taps with their shapes, labels, licence, digest"),
        ("verify", _verify, "check models: SHA-256 of the weights, then a trial run against the card's shapes"),
    ):
        made = command(commands, name, run, text)
        made.add_argument("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs beside the bundled one")
        if name == "show":
            made.add_argument("name", help="a model's name")
        if name == "verify":
            made.add_argument("names", nargs="*", metavar="NAME", help="models to check (default: all)")

    made = command(
        commands,
        "statistics",
        _statistics,
        """mean and deviation of each code unit over photographs, for `import generator --statistics`

    dgnam-models statistics alexnet64 fc6 --images photographs/ --out fc6.safetensors""",
    )
    made.add_argument("encoder", help="the network whose activations the code is")
    made.add_argument("tap", help="where in it")
    made.add_argument("--images", nargs="+", type=Path, required=True, metavar="PATH", help="folders of class folders, or zips of them")
    made.add_argument("--limit", type=int, metavar="N", help="take about so many of them, evenly spread")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .safetensors file")
    made.add_argument("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs beside the bundled one")

    made = command(
        commands,
        "export",
        _export,
        """write a model as ONNX: plain RGB pictures of 0 to 1 in, activations out; of a prior, codes in, pictures out

    dgnam-models export alexnet64 --onnx alexnet64.onnx

Preprocessing is part of the file, batches may have any length, and what onnxruntime computes from it is compared before it is kept.""",
    )
    made.add_argument("name", help="a model's name")
    made.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the file to write")
    made.add_argument("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs beside the bundled one")

    sources = commands.add_parser("import", help="add a network from elsewhere to a pack").add_subparsers(metavar="SOURCE", required=True)
    made = command(
        sources,
        "torchvision",
        _torchvision,
        """a classifier of torchvision

    dgnam-models import torchvision resnet50 --into mine                                    from torchvision's own cache
    dgnam-models import torchvision resnet50 --weights fine-tuned.safetensors --labels birds.txt --name birds --into mine

Every module's output becomes a tap under its dotted name: layer1.0.conv1, and layer1.0.relu_1 for a module's second call. Size, mean, range
and labels come from torchvision's metadata of the published weights. The number of outputs is read off the weights.""",
    )
    made.add_argument("model", help="torchvision's name for it: resnet50, vgg19, vit_b_16, ...")
    made.add_argument(
        "--weights", type=Path, metavar="FILE", help="safetensors, or a state-dict saved by torch (default: torchvision's cache)"
    )
    made.add_argument(
        "--published", default="DEFAULT", metavar="WEIGHTS", help="whose metadata hold, such as IMAGENET1K_V1 (default: %(default)s)"
    )
    made.add_argument("--size", nargs="+", type=int, metavar="PIXELS", help="height and width, or both at once (default: as published)")
    made.add_argument(
        "--parameter",
        action="append",
        type=_parameter,
        default=[],
        metavar="KEY=VALUE",
        help="a further argument of torchvision's constructor",
    )
    _add_target(made)

    made = command(
        sources,
        "caffe",
        _caffe,
        """a Caffe network: .prototxt and .caffemodel, of either generation

    dgnam-models import caffe deploy.prototxt caffenet.caffemodel --name caffenet --mean 104 117 123 --labels synset_words.txt --into mine
    dgnam-models import caffe release.zip/fc6/generator.prototxt release.zip/fc6/generator.caffemodel --name upconv-fc6 \\
        --encoder caffenet --tap relu6 --bounds release.zip/act_range/3x/fc6.txt --mean 104 117 123 --into mine

Every blob becomes a tap; where a layer writes over a blob, as a ReLU does, its own name is the tap of what it wrote: conv1 is read before
its ReLU, relu1 after it. With --encoder, --tap and --bounds the network is a generator and becomes a prior. Files may lie in a zip.""",
    )
    made.add_argument("prototxt", type=Path, nargs="?", help="the network's layers; best the file for deployment")
    made.add_argument("weights", type=Path, nargs="?", metavar="caffemodel", help="their weights")
    made.add_argument(
        "--fetch",
        metavar="NAME",
        help=f"download both from their publisher instead, and use what is known: {', '.join(published.PUBLISHED)}",
    )
    made.add_argument("--cache", type=Path, metavar="FOLDER", help="where downloads are kept (default: DGNAM_CACHE, or the user's cache)")
    made.add_argument("--most-mb", type=float, metavar="MB", help="the largest file to download (default: a little more than it has)")
    made.add_argument(
        "--mean", nargs="+", type=float, metavar="N", help="what to subtract from pixels of 0 to 255: one value, or blue, green, red"
    )
    made.add_argument("--mean-file", type=Path, metavar="FILE", help="the same as .binaryproto or .npy; its mean per channel is taken")
    made.add_argument("--scale", type=float, metavar="N", help="what to multiply by after that (default: 1, or as the .prototxt says)")
    made.add_argument("--rgb", action="store_true", help="the network takes red, green, blue, not Caffe's usual blue, green, red")
    made.add_argument("--encoder", metavar="MODEL", help="of a generator: the network whose activations it draws from")
    made.add_argument("--tap", help="of a generator: where in the encoder; relu6 for the code that the published fc6 generator takes")
    made.add_argument("--bounds", type=Path, metavar="FILE", help="of a generator: a text with the upper bound of each code unit, 3 sigma")
    made.add_argument(
        "--start-learning-rate", type=float, metavar="N", help="of a generator: its default (default: 2/3 of the median bound)"
    )
    _add_target(made)

    made = command(
        sources,
        "onnx",
        _onnx,
        """a classifier in an ONNX file, from any framework

    dgnam-models import onnx birds.onnx --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --into mine
    dgnam-models import onnx mnist.onnx --grey --mean 0 --std 1 --size 28 --into mine

Every value in the file that passes the check becomes a tap, under its name there: it must equal onnxruntime's, and its gradient must be
finite and not zero. A network whose output does not pass can be listed and described, but nothing can be drawn for it. The file is kept as
it is.""",
    )
    made.add_argument("file", type=Path, help="the .onnx file; weights that lie beside it go into the copy")
    made.add_argument("--mean", nargs="+", type=float, required=True, metavar="N", help="what to subtract: one value, or one per channel")
    made.add_argument("--std", nargs="+", type=float, required=True, metavar="N", help="what to divide by after that")
    made.add_argument(
        "--white", type=float, default=1.0, metavar="N", help="the largest pixel that these are of, 1 or 255 (default: %(default)g)"
    )
    order = made.add_mutually_exclusive_group()
    order.add_argument(
        "--bgr", action="store_true", help="the network takes blue, green, red, and so do the mean and the standard deviation"
    )
    order.add_argument("--grey", action="store_true", help="the network takes one channel")
    made.add_argument("--size", nargs="+", type=int, metavar="PIXELS", help="height and width, where the file leaves them free")
    made.add_argument("--taps", nargs="+", default=[], metavar="VALUE", help="values to read, as the file names them (default: all)")
    made.add_argument("--output", metavar="VALUE", help="the value with the class units (default: the output, before its softmax)")
    _add_target(made)

    made = command(
        sources,
        "generator",
        _generator,
        """a generator of your own: an ONNX file, or safetensors for an architecture that is here

    dgnam-models import generator gan.onnx --code-range -3 3 --fit resize --into mine
    dgnam-models import generator g.safetensors --architecture upconv --parameter code=1024 --statistics fc6.safetensors --into mine

It takes codes (B, D), or of the shape its input has, and gives pictures (B, 3, H, W) or (B, 1, H, W). Where a code unit may be is said by
one of --code-range, --bounds and --statistics. An ONNX file's pictures are compared with onnxruntime's, and its gradient is tried.""",
    )
    made.add_argument("file", type=Path, help=".onnx or .safetensors")
    ranges = made.add_mutually_exclusive_group(required=True)
    ranges.add_argument(
        "--code-range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="of every code unit; -3 3 of a standard normal code"
    )
    ranges.add_argument(
        "--bounds", type=Path, metavar="FILE", help="a text: each unit's highest value, or a line each with lowest and highest"
    )
    ranges.add_argument("--statistics", type=Path, metavar="FILE", help="what `dgnam-models statistics` wrote; it also names the encoder")
    made.add_argument("--encoder", metavar="MODEL", help="the network whose activations the code is, if any; to start from pictures")
    made.add_argument("--tap", help="where in the encoder")
    made.add_argument(
        "--levels", nargs=2, type=float, default=[-1.0, 1.0], metavar=("BLACK", "WHITE"), help="what it draws for them (default: -1 1)"
    )
    made.add_argument("--bgr", action="store_true", help="it draws blue, green, red")
    made.add_argument("--fit", choices=("crop", "resize"), default="crop", help="for networks of another size (default: %(default)s)")
    made.add_argument("--architecture", default="", help="of a .safetensors file")
    made.add_argument(
        "--parameter", action="append", type=_parameter, default=[], metavar="KEY=VALUE", help="an argument of the architecture's"
    )
    made.add_argument("--start-learning-rate", type=float, metavar="N", help="its default (default: 2/3 of the median unit's range)")
    _add_target(made)
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    """The arguments that all sources share."""
    parser.add_argument("--into", type=Path, required=True, metavar="PACK", help="the folder to add it to; it is made if need be")
    parser.add_argument("--name", help="the model's name here (default: the source's)")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="names of the outputs, one per line")
    parser.add_argument("--licence", help="a note for the card: what the weights may be used for")
    parser.add_argument("--over", action="store_true", help="replace a model of this name")


if __name__ == "__main__":
    sys.exit(main())
