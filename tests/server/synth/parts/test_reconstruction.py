"""Reconstruction by hand; `test_ppgn` has it against its formula."""

import torch
from dgnam_server.synth.parts.reconstruction import drawn


def test_a_code_is_drawn_by_the_share_that_its_row_says() -> None:
    code, difference = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[2.0, -4.0]] * 2)
    torch.testing.assert_close(drawn(code, torch.tensor([0.25, 0.0]), difference), torch.tensor([[1.5, 1.0], [1.0, 2.0]]))
