"""Views: exact where they can be, random per row and step and by nothing else."""

import pytest
import torch
from dgnam_server.synth.parts.random_view import random_view
from torch import Tensor

IMAGE = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))


def view(image: Tensor, step: int = 0, seed: int = 3, **amounts: float) -> Tensor:
    names = ("padding", "shift", "crop", "scale", "angle")
    rows = len(image)
    values = {name: torch.full((rows,), amounts.get(name, 0.0)) for name in names}
    return random_view(image, torch.full((rows,), seed), torch.full((rows,), step), **values)


def test_nothing_asked_for_is_nothing_done() -> None:
    torch.testing.assert_close(view(IMAGE), IMAGE)


def test_padding_shows_the_whole_picture_smaller_on_grey() -> None:
    seen = view(torch.ones(1, 3, 16, 16), padding=8.0)
    torch.testing.assert_close(seen[0, 0, 5:11, 5:11], torch.ones(6, 6))
    torch.testing.assert_close(seen[0, 0, 0], torch.full((16,), 0.5))


@pytest.mark.parametrize("amounts", [{"shift": 3.0}, {"crop": 0.5}, {"scale": 0.2}, {"angle": 20.0}])
def test_views_differ_by_step_and_seed_only(amounts: dict[str, float]) -> None:
    first = view(IMAGE, **amounts)
    assert torch.equal(first, view(IMAGE, **amounts))
    assert not torch.allclose(first, view(IMAGE, step=1, **amounts), atol=1e-3)
    assert not torch.allclose(first, view(IMAGE, seed=3 + 2**32, **amounts), atol=1e-3)


def test_a_shift_is_at_most_what_was_asked_for() -> None:
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, 64).expand(1, 3, 64, 64)
    moved = [float((view(ramp, step=step, shift=4.0) - ramp)[0, 0, 32, 32]) * 63 for step in range(200)]
    assert max(map(abs, moved)) <= 4.001
    assert max(moved) > 3
    assert min(moved) < -3
