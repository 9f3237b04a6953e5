"""Fit a mixture of Gaussians to photographs' codes and add it to a prior, which then draws starts from it.

    dgnam-models mixture mine --data photographs/ --into pack
    dgnam-models mixture mine --codes codes.npy flipped.npy --into pack

Files of codes are arrays (..., D), float16 or float32, mapped into memory. The same codes and seed give the same mixture.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dgnam_models.card import ModelCard
from dgnam_models.commands import arguments
from dgnam_models.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prior", metavar="PRIOR", help="the prior whose codes they are")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data", nargs="+", type=Path, metavar="PATH", help="photographs: folders of class folders, or zips of that layout"
    )
    source.add_argument("--codes", nargs="+", type=Path, metavar="FILE", help=".npy files of codes that are known already")
    parser.add_argument("--into", type=Path, required=True, metavar="PACK", help="the pack that has the prior")
    parser.add_argument("--components", type=int, default=512, metavar="K", help="principal components (default: %(default)s)")
    parser.add_argument("--centres", type=int, default=1000, metavar="M", help="Gaussians in the mixture (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other centres (default: %(default)s)")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    import dgnam_models
    from dgnam_models import Generator, mixture

    card = mixture.prior_of(options.into, options.prior)
    prior = dgnam_models.load(card.name, packs=[*options.models, options.into])
    assert isinstance(prior, Generator)
    codes = _stored(options.codes, prior.code_size) if options.codes else _of_photographs(card, options)
    try:
        fitted = mixture.fit(codes, prior.code_mean, options.components, options.centres, options.seed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    count = sum(len(part) for part in codes())
    history = {"codes": count, "components": options.components, "centres": len(fitted["centres"]), "seed": options.seed}
    written = mixture.add(options.into, card.name, fitted, history)
    print(f"{written.name}: {len(fitted['centres'])} centres over {options.components} components of {count} codes")
    return 0


def _stored(paths: list[Path], units: int) -> Callable[[], Iterable["Tensor"]]:
    from dgnam_models import statistics

    for path in paths:
        if (found := next(iter(statistics.stored([path], rows=1))).shape[-1]) != units:
            raise UsageError(f"{path} has codes of {found} units; the prior's have {units}")
    return lambda: statistics.stored(paths)


def _of_photographs(card: ModelCard, options: argparse.Namespace) -> Callable[[], Iterable["Tensor"]]:
    import dgnam_models
    from dgnam_models import Network, codes, photographs

    assert card.code is not None
    if not card.code.encoder:
        raise UsageError(f"the codes of {card.name} are no network's activations, so photographs have none; give --codes")
    encoder = dgnam_models.load(card.code.encoder, packs=[*options.models, options.into])
    assert isinstance(encoder, Network)
    height, width = card.code.encoder_size or encoder.input_size
    encoder = encoder.at((height, width))
    found = codes.of_photographs(encoder, card.code.tap, photographs.read(options.data, max(height, width)), True)
    return lambda: found.split(4096)
