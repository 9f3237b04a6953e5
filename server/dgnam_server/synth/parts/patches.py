"""The distance to photographs' patches, as a penalty."""

from dgnam_models import patches
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def patch_distance(cut: Tensor, nearest: Tensor) -> Tensor:
    """`R = sum_p ||x_p - D_p||^2`, (B,) (Pan et al. 2017, eq. 7).

    Args:
        cut: x_p, (B, P, D), normalized.
        nearest: D_p, of the same shape: the patches of a set of photographs' that are nearest to them; not differentiated.
    """
    return (cut - nearest.detach()).square().sum((1, 2))


def _penalty(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    assert problem.patches is not None
    cut = patches.normalized(patches.cut(image))
    overlap = cut[0].numel() / image[0].numel()  # how many patches a pixel is in
    return rows.now("patch_weight") * patch_distance(cut, problem.patches.nearest(cut)) / overlap


PATCHES = Part(
    "patches",
    options=(
        Option(
            "patch_weight",
            "Weight of the distance to photographs' patches (Pan et al. 2017, eq. 7); needs a patch set.",
            0.0,
            1000.0,
            0.0,
            switch=True,
        ),
        Option("end_patch_weight", "Where that weight ends; it changes linearly.", 0.0, 1000.0, None, switch=True),
    ),
    needs=("patches",),
    penalty=_penalty,
)
