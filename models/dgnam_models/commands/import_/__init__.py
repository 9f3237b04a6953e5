"""Add a network from elsewhere to a pack.

    dgnam-models import torchvision resnet50 --weights resnet50-11ad3fa6.pth --into mine
    dgnam-models import caffe deploy.prototxt caffenet.caffemodel --mean 104 117 123 --into mine
    dgnam-models import onnx birds.onnx --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --into mine
    dgnam-models import generator gan.onnx --code-range -3 3 --into mine
    dgnam-models import directions sae.safetensors --network alexnet64 --tap conv5 --into mine

What is imported is checked first, and written whole or not at all. `dgnam-models import SOURCE --help` tells more.
"""

import argparse

from dgnam_models import commands

SOURCES = ("torchvision", "caffe", "onnx", "generator", "directions")


def declare(parser: argparse.ArgumentParser) -> None:
    commands.add(parser.add_subparsers(metavar="SOURCE", required=True), __name__, SOURCES)
