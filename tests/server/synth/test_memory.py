"""What a row takes, estimated from shapes, against what PyTorch really allocates."""

from collections.abc import Callable

import pytest
import torch
from callers import spec_for as spec_of
from dgnam_models.preprocess import centre_crop, resize
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, memory
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.priors import PARAMETRISATIONS, GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import SynthesisSpec

ROWS = 8


def peak_bytes(step: Callable[[], object]) -> int:
    """The most that is allocated at once while `step` runs, beyond what was there before."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = step()
    del kept
    held = peak = 0
    for event in profiler.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def of_rows(problem: Problem, spec: SynthesisSpec) -> int:
    rows = concat([ascent.init(problem, spec, variant) for variant in range(ROWS)])
    ascent.step(problem, rows)
    return peak_bytes(lambda: ascent.step(problem, rows))


@pytest.mark.parametrize("side", [32, 128])
@pytest.mark.parametrize("name", ["pyramid", "lucid", "yosinski-2015"])
def test_rows_of_pixels_take_no_more_than_estimated(tiny: Catalog, name: str, side: int) -> None:
    method = METHODS[name]
    spec = spec_of(("tiny", "fc8", 1), prior="", method=name, settings=method.settings({"steps": 8}, {}), size=(side, side))
    networks = (tiny.networks["tiny"],)
    prior = PARAMETRISATIONS[method.prior](spec.size, torch.device("cpu"))
    problem = Problem(prior, networks, sources(spec), spec.balance, method.structure(spec.settings), resize)
    estimate = ROWS * memory.row_bytes(networks, spec.size)
    assert estimate / 40 < of_rows(problem, spec) <= estimate


def test_rows_with_a_prior_take_no_more_than_estimated(tiny: Catalog) -> None:
    spec, generator, networks = spec_of(("tiny", "fc8", 1)), tiny.generators["tiny-prior"], (tiny.networks["tiny"],)
    structure = METHODS[spec.method].structure(spec.settings)
    problem = Problem(GeneratorPrior(generator), networks, sources(spec), spec.balance, structure, centre_crop)
    estimate = ROWS * memory.row_bytes(networks, generator.image_size, memory.drawn_values(generator))
    assert estimate / 40 < of_rows(problem, spec) <= estimate


def test_a_generators_values_are_those_of_all_its_modules(tiny: Catalog) -> None:
    generator = tiny.generators["tiny-prior"]
    height, width = generator.image_size
    assert memory.drawn_values(generator) > 3 * height * width
    assert not any(module._forward_hooks for module in generator.modules())
