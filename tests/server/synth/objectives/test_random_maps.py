"""Random modification by hand."""

from typing import cast

import torch
from dgnam_server.synth.objectives.objective import Shown
from dgnam_server.synth.objectives.random_maps import RANDOM_MAPS, dealt_out
from torch import Tensor

PHI = torch.tensor([[[[1.0, 3.0]], [[0.0, 2.0]], [[-1.0, 0.0]]]])  # sums 4, 2 and none: S = 6


def wanted(phi: Tensor, seed: int) -> Tensor:
    assert RANDOM_MAPS.wanted
    return cast(Tensor, RANDOM_MAPS.wanted(Shown(phi, 0, seed))).view_as(phi)


def test_every_map_gets_its_share_by_hand() -> None:
    found = dealt_out(PHI, torch.tensor([1.0, 2.0, 1.0]))
    # Shares of 6: 1.5, 3 and 1.5, of which the silent map takes none. Scales: 1.5 / 4 and 3 / 2.
    assert found.tolist() == [[[[0.375, 1.125]], [[0.0, 3.0]], [[-1.0, 0.0]]]]


def test_what_is_silent_stays_silent_and_seeds_differ() -> None:
    phi = torch.randn(1, 5, 3, 4, generator=torch.Generator().manual_seed(0)).relu()
    one, again, other = (wanted(phi, seed) for seed in (1, 1, 2))
    assert torch.equal(one > 0, phi > 0) and torch.equal(one, again) and not torch.allclose(one, other)
    torch.testing.assert_close(one.sum(), phi.sum())
