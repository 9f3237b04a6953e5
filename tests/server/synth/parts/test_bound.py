"""The bound by hand."""

import torch
from dgnam_server.synth.parts.bound import clip


def test_units_are_kept_between_their_own_bounds() -> None:
    code = torch.tensor([[-1.0, 0.5, 7.0], [-1.0, 0.5, 7.0]])
    lower, upper = torch.tensor([[0.0, 0.0, 0.0], [-2.0, 1.0, 0.0]]), torch.tensor([[3.0, 3.0, 3.0], [3.0, 3.0, 8.0]])
    assert clip(code, lower, upper).tolist() == [[0.0, 0.5, 3.0], [-1.0, 1.0, 7.0]]
