"""Other people's programs on the same network, where they are installed: none is required."""

from importlib.util import find_spec
from typing import Any

import torch
from dgnam_server.engine.builder import Builder
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import resize
from load_figures import defaults_of
from measuring import Bench, Figures
from step_figures import target_of


def measure(bench: Bench) -> Figures:
    """Milliseconds per step of one picture, by torch-lucent and by our method `lucid`, which does the same; nothing where it is missing."""
    if find_spec("lucent") is None:
        return {}
    models = bench.reference()
    network = target_of(models)
    tap = network.card.output_tap
    method = METHODS["lucid"]
    settings = defaults_of(method)
    terms = (Term(Unit(network.name, tap, 0)),)
    spec = SynthesisSpec(terms, Balance.NONE, "", method.name, settings, 0, size=network.input_size)
    work = Builder(models, bench.device).synthesis(spec)
    lane = work.open()
    lane.join(0, work, 0)
    ours = bench.seconds("lucid, ours", lambda: [lane.step(tell=False) for _ in range(bench.timed_steps)])
    theirs = bench.seconds("torch-lucent", lambda: lucent(network, bench.timed_steps))
    return {"lucid_ms_per_step": 1000 * ours / bench.timed_steps, "torch_lucent_ms_per_step": 1000 * theirs / bench.timed_steps}


def lucent(network: Any, steps: int) -> None:
    """So many steps of torch-lucent's own loop on the same network, with its default parametrisation and transforms."""
    from lucent.optvis import objectives, render

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.output = torch.nn.Identity()

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            fitted = resize(image, network.input_size)
            return self.output(network.logits(fitted))

    render.render_vis(
        Logits().eval(), objectives.channel("output", 0), thresholds=(steps,), show_image=False, progress=False, preprocess=False
    )
