"""A generator of your own: an ONNX file, or safetensors for an architecture that is here.

    dgnam-models import generator gan.onnx --code-range -3 3 --fit resize --into mine
    dgnam-models import generator g.safetensors --architecture upconv --parameter code=1024 --statistics fc6.safetensors --into mine

It takes codes (B, D), or of the shape its input has, and gives pictures (B, 3, H, W) or (B, 1, H, W). One of --code-range, --bounds and
--statistics says where each code unit may be. An ONNX file's pictures are compared with onnxruntime's, and its gradient is tried.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from dgnam_models.commands import arguments
from dgnam_models.commands.import_ import destination


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help=".onnx or .safetensors")
    ranges = parser.add_mutually_exclusive_group(required=True)
    text = "the range of every code unit; -3 3 for a standard normal code"
    ranges.add_argument("--code-range", nargs=2, type=float, metavar=("LOW", "HIGH"), help=text)
    text = "a text: each unit's highest value, or a line each with lowest and highest"
    ranges.add_argument("--bounds", type=Path, metavar="FILE", help=text)
    ranges.add_argument("--statistics", type=Path, metavar="FILE", help="what `dgnam-models statistics` wrote; it also names the encoder")
    add("--encoder", metavar="MODEL", help="the network whose activations the code is, if any; to start from pictures")
    add("--tap", help="where in the encoder")
    text = "what it draws for black and for white (default: -1 1)"
    add("--levels", nargs=2, type=float, default=[-1.0, 1.0], metavar=("BLACK", "WHITE"), help=text)
    add("--bgr", action="store_true", help="it draws blue, green, red")
    text = "how its pictures get the size of a network: cut out of the middle, or scaled (default: %(default)s)"
    add("--fit", choices=("crop", "resize"), default="crop", help=text)
    add("--architecture", default="", metavar="NAME", help="of a .safetensors file, such as upconv")
    text = "an argument of the architecture's"
    add("--parameter", action="append", type=arguments.parameter, default=[], metavar="KEY=VALUE", help=text)
    add("--start-learning-rate", type=float, metavar="N", help="its default (default: 2/3 of the median unit's range)")
    destination.declare(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dgnam_models.importers import generator

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
        **destination.licence(options),
    )
    return destination.add(options, card, weights)
