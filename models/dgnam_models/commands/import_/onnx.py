"""A classifier in an ONNX file, from any framework.

    dgnam-models import onnx birds.onnx --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --into mine
    dgnam-models import onnx mnist.onnx --grey --mean 0 --std 1 --size 28 --into mine

Every value in the file that passes the check becomes a tap, under its name there: it must equal onnxruntime's, and its gradient must be
finite and not zero. A network whose output does not pass can be listed and described, but nothing can be drawn for it. The file is kept as
it is.
"""

import argparse
from pathlib import Path

from dgnam_models.card import CardError, Preprocessing
from dgnam_models.commands.import_ import destination


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="the .onnx file; weights that lie beside it go into the copy")
    add("--mean", nargs="+", type=float, required=True, metavar="N", help="what to subtract: one value, or one per channel")
    add("--std", nargs="+", type=float, required=True, metavar="N", help="what to divide by after that")
    text = "the largest value of a pixel, where mean and deviation are those of such pixels: 1 or 255 (default: %(default)g)"
    add("--white", type=float, default=1.0, metavar="N", help=text)
    order = parser.add_mutually_exclusive_group()
    text = "the network takes blue, green, red, and so do the mean and the standard deviation"
    order.add_argument("--bgr", action="store_true", help=text)
    order.add_argument("--grey", action="store_true", help="the network takes one channel")
    text = "a letter for each channel of the input: R, G, B, Y (grey), 0 (none: held at its mean), as RGB0 for colour and depth"
    order.add_argument("--channels", metavar="LETTERS", help=text)
    add("--size", nargs="+", type=int, metavar="PIXELS", help="height and width, where the file leaves them free")
    add("--taps", nargs="+", default=[], metavar="VALUE", help="values to read, as the file names them (default: all)")
    add("--output", metavar="VALUE", help="the value with the class units (default: the output, before its softmax)")
    destination.declare(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dgnam_models.importers import onnx

    card, write = onnx.classifier(
        options.file,
        options.name or options.file.stem,
        preprocessing=_preprocessing(options, onnx.size_of(options.file, destination.size(options))),
        taps=options.taps,
        output=options.output,
        labels=destination.labels(options),
        **destination.licence(options),
    )
    return destination.add(options, card, write)


def _preprocessing(options: argparse.Namespace, size: tuple[int, int]) -> Preprocessing:
    """What --mean, --std, --white, --bgr and --grey say of pixels of 0 to 1."""
    channels = options.channels or ("GREY" if options.grey else "BGR" if options.bgr else "RGB")
    count = 1 if options.grey else len(channels)
    mean, std = (tuple(value / options.white for value in values) for values in (options.mean, options.std))
    form = Preprocessing(size, channels, mean * count if len(mean) == 1 else mean, std * count if len(std) == 1 else std)
    if wrong := form.problems():
        raise CardError("; ".join(wrong))
    return form
