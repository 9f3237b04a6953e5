"""Strongest: what batches leave over is what sorting everything gives, equal values in the order they came."""

import pytest
import torch
from dgnam_models.strongest import Strongest
from torch import Tensor


def taken(found: Tensor, batch: int, count: int) -> Strongest:
    best = Strongest.none(found.shape[1], count)
    for start in range(0, len(found), batch):
        part = found[start : start + batch]
        peaks = part.amax((2, 3)) if part.ndim == 4 else part
        best.take(part, peaks, torch.arange(start, start + len(part), dtype=torch.int32))
    return best


@pytest.mark.parametrize("batch", [1, 3, 50])
@pytest.mark.parametrize("shape", [(5,), (5, 4, 3)])
def test_against_sorting_everything(shape: tuple[int, ...], batch: int) -> None:
    found = torch.randint(-4, 5, (50, *shape), generator=torch.Generator().manual_seed(0)).float()  # so that many are equal
    best = taken(found, batch, 6)
    flat = found.flatten(2) if len(shape) == 3 else found[..., None]
    values, order = flat.amax(2).T.sort(dim=1, descending=True, stable=True)
    assert torch.equal(best.values, values[:, :6]) and torch.equal(best.photographs, order[:, :6].int())
    for unit in range(5):
        for rank in range(6):
            one = flat[best.photographs[unit, rank], unit]
            assert one[best.positions[unit, rank]] == one.max() == best.values[unit, rank]


def test_channels_last_and_silent_units_change_nothing() -> None:
    found = torch.randn(20, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    found[:, 2] = 0  # a dead unit: its first photographs stay
    plain, last = taken(found, 7, 3), taken(found.contiguous(memory_format=torch.channels_last), 7, 3)
    assert plain.photographs[2].tolist() == [0, 1, 2]
    for part in ("values", "photographs", "positions"):
        assert torch.equal(getattr(plain, part), getattr(last, part))
