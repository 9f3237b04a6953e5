"""Write a model as ONNX: plain RGB pictures of 0 to 1 in, activations out; of a prior, codes in, pictures out.

    dgnam-models export alexnet64 --onnx alexnet64.onnx

Preprocessing is part of the file, and batches may have any length. What onnxruntime computes from the file is compared with the model
before the file is kept.
"""

import argparse
from pathlib import Path

import dgnam_models
from dgnam_models.commands import arguments


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a model's name, as `dgnam-models list` has it")
    parser.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the file to write")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dgnam_models import export

    arguments.known(options.name, dgnam_models.cards(options.models))
    model = dgnam_models.load(options.name, packs=options.models)
    export.onnx(model, options.onnx)
    print(f"{options.onnx}: {model.name}, equal to what onnxruntime computes from it")
    return 0
