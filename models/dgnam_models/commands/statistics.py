"""Measure the mean and the deviation of each code unit over photographs, for `import generator --statistics`.

    dgnam-models statistics alexnet64 fc6 --data photographs/ --out fc6.safetensors
    dgnam-models import generator gan.onnx --statistics fc6.safetensors --into mine

The same photographs give the same file. Held-out ones, which the encoder was not trained on, say best what codes are like.
"""

import argparse
from pathlib import Path

import dgnam_models
from dgnam_models.commands import arguments
from dgnam_models.errors import UsageError


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("encoder", metavar="ENCODER", help="the network whose activations the code is")
    parser.add_argument("tap", metavar="TAP", help="where in it, as `dgnam-models show ENCODER` has it")
    arguments.photographs(parser, "what to measure on")
    parser.add_argument("--limit", type=int, metavar="N", help="take about so many photographs, evenly spread (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .safetensors file to write")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    card = arguments.known(options.encoder, dgnam_models.cards(options.models))
    if options.tap not in [tap.name for tap in card.taps]:
        raise UsageError(f"{card.name} has no tap {options.tap!r}; `dgnam-models show {card.name}` lists its taps")
    from dgnam_models import Network, codes, photographs
    from dgnam_models.importers import generator

    encoder = dgnam_models.load(card.name, packs=options.models)
    assert isinstance(encoder, Network), "only classifiers have taps"
    found = codes.of_photographs(encoder, options.tap, photographs.read(options.data, max(encoder.input_size), options.limit), True)
    generator.write_statistics(options.out, found, card.name, options.tap)
    print(f"{options.out}: {found.shape[1]} units of {card.name}:{options.tap} over {len(found)} photographs")
    return 0
