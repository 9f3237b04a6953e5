"""Octaves: a picture grows from coarse to fine."""

import torch
from torch import Tensor

from dgnam_server.synth import pyramids
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def coarse(gradient: Tensor, level: Tensor) -> Tensor:
    """Each row's gradient (B, C, H, W) as seen by an image of 2^-level the resolution, level (B,) whole numbers.

    Ascending with it is ascending over the pixels of the smaller image c with x = expand(c), whose gradient is reduce(dx) but for a
    constant; so coarse-to-fine rows and others share a batch.
    """
    most = pyramids.deepest(level + 1, pyramids.size_of(gradient))
    level = level.clamp(max=most - 1)
    levels = pyramids.gaussian(gradient, most)
    result = torch.zeros_like(levels[-1])
    for k in reversed(range(most)):
        result = pyramids.expand(result, pyramids.size_of(levels[k]))
        result = torch.where((level == k)[:, None, None, None], levels[k], result)
    return result


def _shape(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    octaves = rows.now("octaves").clamp(min=1)
    done = (octaves * rows.step / rows.steps).floor()  # how many resolutions lie behind
    return coarse(gradient, (octaves - 1 - done).clamp(min=0))


OCTAVES = Part(
    "octaves",
    options=(
        Option(
            "octaves",
            "Resolutions from coarse to fine, each half of the next; 0 and 1: only the full one.",
            0.0,
            8.0,
            0.0,
            integer=True,
            switch=True,
        ),
    ),
    shape=_shape,
)
