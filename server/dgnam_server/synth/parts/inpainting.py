"""Inpainting: a photograph with a hole; outside of it the picture is the photograph, inside it is drawn."""

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.spec import SynthesisSpec

HOLD = "hold"


def pasted(image: Tensor, photo: Tensor, mask: Tensor, hold: Tensor) -> Tensor:
    """`x + h (1 - M) (photo - x)`: outside the hole the photograph, so that no gradient comes from there.

    Args:
        image: x, (B, 3, H, W).
        photo: of the same shape.
        mask: M, (B, 1, H, W), 1 inside the hole.
        hold: h, (B,) from 0 (off) to 1.
    """
    return image + hold[:, None, None, None] * (1 - mask) * (photo - image)


def outside(image: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """`sum (1 - M) (x - photo)^2 / sum (1 - M)`, (B,), over pixels and colours: how far from the photograph a picture is where that is
    known, so that what a prior draws inside goes with it (PPGN's inpainting, Nguyen et al. 2017, section 3.5). Arguments as `pasted`."""
    known = (1 - mask).expand_as(image)
    return (known * (image - photo).square()).sum((1, 2, 3)) / known.sum((1, 2, 3)).clamp(min=1)


def _penalty(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    weight = rows.now(HOLD) * rows.now("context_weight")
    return weight * outside(image, rows.state["photo"], rows.state["mask"])


def _paste(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return pasted(image, rows.state["photo"], rows.state["mask"], rows.now(HOLD))


def _given(problem: Problem, code: Tensor, spec: SynthesisSpec) -> State:
    """The spec's photograph and mask; without them all is hole, and nothing is held."""
    size, hole = problem.prior.size, spec.hole
    if hole is None:
        return {"photo": torch.zeros(1, 3, *size, device=code.device), "mask": torch.ones(1, 1, *size, device=code.device)}
    photo, mask = (torch.from_numpy(array).to(code.device) for array in (hole.photo, hole.mask))
    return {"photo": photo.permute(2, 0, 1)[None], "mask": mask[None, None]}


INPAINTING = Part(
    "inpainting",
    options=(
        Option(
            HOLD,
            "How far the picture outside the request's hole is the photograph itself; 1 where a request has a hole and does not say it.",
            0.0,
            1.0,
            0.0,
            switch=True,
        ),
        Option("context_weight", "How strongly what is drawn under the photograph is drawn towards it.", 0.0, 100_000.0, 1000.0),
    ),
    penalty=_penalty,
    paste=_paste,
    state=_given,
)
