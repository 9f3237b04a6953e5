"""A random view: at each step the networks see the picture a little differently."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from dgnam_server.synth.noise import uniform
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def random_view(
    image: Tensor, seed: Tensor, step: Tensor, padding: Tensor, shift: Tensor, crop: Tensor, scale: Tensor, angle: Tensor
) -> Tensor:
    """Image (B, 3, H, W) seen a little differently at each step: padded, moved, cut, scaled and turned, in one bilinear resampling.

    Beyond the padding, which is mid-grey, the border is grey too. All sizes are of the image before; the result has the same size.

    Args:
        seed, step: (B,), what the random numbers come from.
        padding: (B,) pixels of grey added around, so that the image is seen smaller.
        shift: (B,) pixels: the view moves by up to so many, both ways, down and across.
        crop: (B,) share of the side: the view is a square whose side is smaller by up to so much, anywhere inside.
        scale: (B,): the view is smaller or larger by a factor of up to 1 + scale.
        angle: (B,) degrees: the view turns by up to so many, both ways.
    """
    height, width = image.shape[2:]
    side = min(height, width)
    drawn = uniform(seed, step, torch.arange(7, device=seed.device)[:, None])
    cut = crop * drawn[0]
    zoom = (1 + 2 * padding / side) * (1 - cut) * (1 + scale) ** (2 * drawn[1] - 1)
    turn = angle * (2 * drawn[2] - 1) * (math.pi / 180)
    down = 2 * shift / height * (2 * drawn[3] - 1) + cut * (2 * drawn[4] - 1)
    across = 2 * shift / width * (2 * drawn[5] - 1) + cut * (2 * drawn[6] - 1)
    cosine, sine, ratio = zoom * turn.cos(), zoom * turn.sin(), height / width
    matrix = torch.stack([torch.stack([cosine, -sine * ratio, across], 1), torch.stack([sine / ratio, cosine, down], 1)], 1)
    grid = affine_grid(matrix.to(image.dtype), list(image.shape), align_corners=False)
    return grid_sample(image - 0.5, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + 0.5


def _view(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return random_view(image, rows.seed, rows.step, *(rows.now(option.name) for option in RANDOM_VIEW.options))


def _varies(rows: Rows) -> Tensor:
    """Padding alone is the same at every step."""
    return torch.stack([rows.now(name) > 0 for name in ("shift_px", "crop", "scale", "rotation")]).any(0)


RANDOM_VIEW = Part(
    "random-view",
    options=(
        Option("padding_px", "Grey pixels around the picture when the network looks at it.", 0.0, 64.0, 0.0, switch=True),
        Option("shift_px", "At each step the network's view moves by up to so many pixels.", 0.0, 64.0, 0.0, switch=True),
        Option("crop", "At each step the network sees a part whose side is smaller by up to this share.", 0.0, 0.9, 0.0, switch=True),
        Option("scale", "At each step the view is larger or smaller by up to this share.", 0.0, 1.0, 0.0, switch=True),
        Option("rotation", "At each step the view turns by up to so many degrees.", 0.0, 180.0, 0.0, switch=True),
    ),
    view=_view,
    varies=_varies,
)
