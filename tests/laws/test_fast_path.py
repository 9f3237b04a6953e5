"""The path that serves draws what the plain float32 networks draw; and where its kernels are known, to the same bits in any company."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import Generator, Network
from dgnam_models.weight_layout import LaidOut
from dgnam_server import catalog
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failed, Finished, Started
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

CPU = torch.device("cpu")
SETTINGS = DGN_AM.settings({"steps": 30, "start_learning_rate": 0.3})
TERMS = (Term(Unit("tiny", "fc8", 1)), Term(Unit("tiny", "conv3", 2, (1, 1))))
SPEC = SynthesisSpec(TERMS, Balance.NONE, "tiny-prior", "dgn-am", SETTINGS, seed=0)


@pytest.fixture(scope="module")
def served(tiny_pack: Path) -> Catalog:
    """The tiny models as a server on a processor without bfloat16 loads them."""
    return catalog.load([tiny_pack], CPU, "tiny-prior", torch.float32, only=["tiny-prior"])


def problem(models: Mapping[str, Network | Generator]) -> Problem:
    prior, network = models["tiny-prior"], models["tiny"]
    assert isinstance(prior, Generator) and isinstance(network, Network)
    return Problem(GeneratorPrior(prior), (network,), sources(SPEC), SPEC.balance, DGN_AM.structure(SETTINGS), centre_crop)


def test_a_step_is_the_plain_networks_step(tiny_pack: Path, served: Catalog) -> None:
    fast = problem({**served.networks, **served.generators})
    assert any(isinstance(part, LaidOut) for part in fast.networks[0].modules())
    plain = problem({name: dgnam_models.load(name, packs=[tiny_pack]) for name in ("tiny", "tiny-prior")})
    rows = concat([ascent.init(plain, SPEC, variant) for variant in range(3)])
    for _ in range(5):  # from the same codes: what rounding does to many steps is another matter
        (after, seen), (expected, expected_seen) = ascent.step(fast, rows), ascent.step(plain, rows)
        torch.testing.assert_close(seen.image, expected_seen.image, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(seen.activation, expected_seen.activation, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(after.code, expected.code, rtol=1e-3, atol=1e-3)
        rows = expected


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX2", reason="seen with the kernels for AVX2; others may differ")
def test_a_request_has_the_same_bits_alone_and_in_company(served: Catalog) -> None:
    builder = Builder(served, CPU)
    engine = DeviceThread(typical(builder), EngineLimits(8, max_batch_rows=8))
    engine.start()

    def submit(spec: SynthesisSpec, until: type[Event]) -> tuple[np.ndarray | None, object]:
        heard, images = threading.Event(), []

        def emit(event: Event) -> None:
            assert not isinstance(event, Failed) or event.failure.value in ("cancelled", "draining")
            images.extend([event.value.image] if isinstance(event, Finished) else [])
            if isinstance(event, until):
                heard.set()

        ticket = engine.submit(builder.synthesis(spec), emit)
        assert heard.wait(30)
        return (images[0] if images else None), ticket

    try:
        alone, _ = submit(SPEC, Finished)
        company = replace(SPEC, seed=9, variants=5, settings={**SETTINGS, "steps": 50_000})
        submit(company, Started)
        beside, _ = submit(SPEC, Finished)
    finally:
        engine.drain(0)
    np.testing.assert_array_equal(alone, beside)
