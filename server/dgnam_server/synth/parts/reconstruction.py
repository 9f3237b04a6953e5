"""Reconstruction: the code is drawn towards what the encoder makes of its picture."""

from typing import cast

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.priors import GENERATOR, GeneratorPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.spec import Settings, SynthesisSpec


def drawn(code: Tensor, weight: Tensor, difference: Tensor) -> Tensor:
    """`code + weight * (R(h) - h)`, (B, D): towards what an autoencoder R makes of the code h, and so up the slope of the logarithm of the
    codes' density (Alain & Bengio 2014, the first term of PPGN's step, Nguyen et al. 2017, section 2).

    Args:
        code: (B, D), h after whatever else moved it.
        weight: (B,).
        difference: (B, D), R(h) - h.
    """
    return code + weight[:, None] * difference


def _watch(image: Tensor, rows: Rows, problem: Problem) -> State:
    prior = cast(GeneratorPrior, problem.prior)
    assert prior.encoder is not None
    return {"reconstruction": prior.encode(problem.fit(image, prior.encoder.input_size)).float()}


def _due(settings: Settings, step: int) -> bool:
    return step < settings["reconstruction_steps"] and (step + 1) % max(settings["reconstruction_interval"], 1) == 0


def _project(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    due = (rows.step + 1) % rows.now("reconstruction_interval").clamp(min=1).long() == 0
    weight = torch.where(due & (rows.step < rows.now("reconstruction_steps")), rows.now("reconstruction_weight"), 0.0)
    return drawn(code, weight, rows.state["reconstruction"] - rows.code)


def _nothing_seen(problem: Problem, code: Tensor, spec: SynthesisSpec) -> State:
    return {"reconstruction": torch.zeros_like(code)}


RECONSTRUCTION = Part(
    "reconstruction",
    options=(
        Option(
            "reconstruction_weight",
            "How far the code goes towards its reconstruction, E(G(code)): 1 is all the way.",
            0.0,
            1.0,
            0.0,
            switch=True,
        ),
        Option("reconstruction_interval", "Steps from one reconstruction to the next.", 1, 2000, 1, integer=True),
        Option("reconstruction_steps", "In how many of the first steps there are reconstructions.", 0, 2000, 2000, integer=True),
    ),
    priors=(GENERATOR,),
    needs=("encoder",),
    project=_project,
    due=_due,
    watch=_watch,
    state=_nothing_seen,
)
