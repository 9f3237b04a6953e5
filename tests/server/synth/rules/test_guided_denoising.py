"""The noise levels; `test_diffusion` has the steps against their formula."""

import torch
from dgnam_server.synth.rules.guided_denoising import noise_level


def test_noise_levels_fall_from_the_first_to_the_last_drawn() -> None:
    steps, one = torch.full((6,), 7), torch.ones(6)
    found = noise_level(10 * one, 0.1 * one, torch.arange(1, 7), steps)
    expected = torch.linspace(10 ** (1 / 5), 0.1 ** (1 / 5), 6) ** 5
    torch.testing.assert_close(found, expected)
    lone = torch.tensor([1])
    assert noise_level(one[:1], one[:1], lone, lone).item() == 1, "no more than one step"
