"""Specs and problems of the tiny models, for any method."""

from functools import cache

import torch
from dgnam_models.patches import PatchSet, build
from dgnam_server.catalog import Catalog
from dgnam_server.synth.methods import Method
from dgnam_server.synth.methods.method import RATE
from dgnam_server.synth.priors import PARAMETRISATIONS, GeneratorPrior, Prior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.spec import Balance, Readout, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop, resize

SIDE_PX = 32
OUTPUT_TAPS = ("fc8", "fc")


def spec_for(method: Method, *units: tuple[str, str, int], seed: int = 0, size: int = SIDE_PX, **given: float) -> SynthesisSpec:
    """A spec of 8 steps, with the method's defaults for what is not given. A generator draws its own size."""
    terms = tuple(Term(Unit(*unit), readout=method.readout if unit[1] in OUTPUT_TAPS else Readout.ACTIVATION) for unit in units)
    prior, side = ("tiny-prior", 0) if method.draws_with_a_generator else ("", size)
    rate = {} if method.option(RATE).default is not None else {RATE: 0.5}
    settings = method.settings({"steps": 8, **given}, rate)
    return SynthesisSpec(terms, Balance.NONE, prior, method.name, settings, seed, size=(side, side))


def problem_for(catalog: Catalog, method: Method, *specs: SynthesisSpec) -> Problem:
    """The problem of a batch with rows of these specs."""
    taps = tuple(sorted({source for spec in specs for source in sources(spec)}))
    networks = tuple(catalog.networks[name] for name in sorted({model for model, _ in taps}))
    fit = centre_crop if method.draws_with_a_generator else resize
    return Problem(
        prior_for(catalog, method, specs[0]), networks, taps, specs[0].balance, method.structure(specs[0].settings), fit, patch_set()
    )


def prior_for(catalog: Catalog, method: Method, spec: SynthesisSpec) -> Prior:
    """What draws for the method."""
    if method.draws_with_a_generator:
        return GeneratorPrior(catalog.generators["tiny-prior"], catalog.networks["tiny"])
    return PARAMETRISATIONS[method.prior](spec.size, torch.device("cpu"))


@cache
def patch_set() -> PatchSet:
    """Of random photographs: what they show does not matter here."""
    pixels = torch.randint(0, 256, (20, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return PatchSet(build(pixels, 400))
