"""A classifier of torchvision.

    dgnam-models import torchvision resnet50 --into mine                                    from torchvision's own cache
    dgnam-models import torchvision resnet50 --weights fine-tuned.safetensors --labels birds.txt --name birds --into mine

Every module's output becomes a tap under its dotted name: layer1.0.conv1, and layer1.0.relu_1 for a module's second call. Size, mean, range
and labels come from torchvision's metadata of the published weights. The number of outputs is read off the weights.
"""

import argparse
from pathlib import Path

from dgnam_models.commands import arguments
from dgnam_models.commands.import_ import destination


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="torchvision's name for it: resnet50, vgg19, vit_b_16, ...")
    add("--weights", type=Path, metavar="FILE", help="safetensors, or a state-dict saved by torch (default: torchvision's cache)")
    text = "the published weights whose metadata hold, such as IMAGENET1K_V1 (default: %(default)s)"
    add("--published", default="DEFAULT", metavar="WEIGHTS", help=text)
    add("--size", nargs="+", type=int, metavar="PIXELS", help="height and width, or both at once (default: as published)")
    text = "a further argument of torchvision's constructor"
    add("--parameter", action="append", type=arguments.parameter, default=[], metavar="KEY=VALUE", help=text)
    destination.declare(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dgnam_models.importers import torchvision

    card, weights = torchvision.convert(
        options.model,
        options.name or options.model,
        file=options.weights,
        published=options.published,
        labels=destination.labels(options),
        size=destination.size(options),
        parameters=dict(options.parameter),
        **destination.licence(options),
    )
    return destination.add(options, card, weights)
