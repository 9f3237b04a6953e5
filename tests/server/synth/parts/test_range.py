"""The range of values by hand."""

import torch
from dgnam_server.synth.parts.range import keep


def test_values_stay_in_a_range_as_wide_as_the_row_says() -> None:
    code = torch.tensor([[0.4, -0.7, 3.0]]).repeat(3, 1)
    found = keep(code, torch.tensor([1.0, 0.5, 0.0]))
    torch.testing.assert_close(found, torch.tensor([[0.4, -0.5, 0.5], [0.4, -0.7, 1.0], [0.4, -0.7, 3.0]]))
