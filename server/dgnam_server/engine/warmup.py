"""What the engine runs before and beside what it is asked for: the commonest work, to be warm, and steps that are timed."""

import time
from dataclasses import replace

import numpy as np

from dgnam_server.engine.builder import Builder
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.engine.work import Work
from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, METHODS
from dgnam_server.synth.parts.redirected_relu import REDIRECTED_STEPS
from dgnam_server.synth.spec import Balance, Fit, SynthesisSpec, Term, Unit


def typical(builder: Builder) -> Work:
    """What most requests ask for: the default method and prior; the unit is of the prior's encoder, or of what else takes its pictures.

    Where no prior is loaded, the default method on pixels; where no network gives gradients, reading a picture's activations.
    """
    catalog = builder.catalog
    if not catalog.generators:
        return _of_pixels(builder)
    generator = catalog.generators[catalog.default_prior]
    network = catalog.viewer(generator)
    if network is None:
        return _of_pixels(builder)
    method = METHODS[DEFAULT_METHOD]
    spec = SynthesisSpec(
        terms=(Term(Unit(network.name, network.card.output_tap, 0)),),
        balance=Balance.NONE,
        prior=generator.name,
        method=method.name,
        settings=method.settings({"start_draws": 0}, method.card_defaults(generator.card)),  # a step is timed, not what goes before it
        seed=0,
    )
    return builder.synthesis(spec)


def _of_pixels(builder: Builder) -> Work:
    networks = builder.catalog.networks.values()
    network = next((network for network in networks if not network.card.forward_only), None)
    if network is None:
        network = next(iter(networks))
        image = np.full((*network.input_size, 3), 0.5, np.float32)
        return builder.activations([image], [Place(network.name, network.card.output_tap)])
    method = METHODS[DEFAULT_PIXEL_METHOD]
    terms = (Term(Unit(network.name, network.card.output_tap, 0)),)
    size, fit = network.input_size, Fit.RESIZE
    return builder.synthesis(SynthesisSpec(terms, Balance.NONE, "", method.name, method.settings(), seed=0, size=size, fit=fit))


def timed_step(work: Work, rows: int) -> float:
    """Seconds of one step of so many like rows of `work`."""
    lane = work.open()
    for _ in range(rows):
        lane.join(0, work, 0)
    started = time.monotonic()
    lane.step(tell=True)
    return time.monotonic() - started


def like(work: Work) -> Work | None:
    """Work like `work`, each step of which costs the same, to be timed; None: there is none, as its rows take few steps."""
    if not isinstance(work, Synthesis):
        return None
    first = ("start_draws", REDIRECTED_STEPS)
    settings = {name: 0 if name in first else value for name, value in work.spec.settings.items()}
    return replace(work, spec=replace(work.spec, settings=settings, preview_interval=0))
