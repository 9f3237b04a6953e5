"""Random numbers: rightly distributed, and the same for a row whoever its neighbours are."""

import torch
from dgnam_server.synth.noise import normal, uniform


def test_random_numbers_are_uniform_and_independent() -> None:
    steps = torch.arange(4000)
    seeds = torch.full_like(steps, 5)
    draws = torch.stack([uniform(seeds, steps, 0), uniform(seeds, steps, 1), uniform(seeds + 1, steps, 0)])
    assert draws.min() >= 0
    assert draws.max() < 1
    torch.testing.assert_close(draws.mean(1), torch.full((3,), 0.5), atol=0.02, rtol=0)
    torch.testing.assert_close(draws.var(1), torch.full((3,), 1 / 12), atol=0.005, rtol=0)
    correlation = torch.corrcoef(draws) - torch.eye(3)
    assert correlation.abs().max() < 0.05


def test_several_streams_at_once_are_those_streams() -> None:
    seeds, steps = torch.tensor([0, 7, 2**62]), torch.tensor([0, 3, 500])
    together = uniform(seeds, steps, torch.arange(64)[:, None])
    assert all(torch.equal(together[stream], uniform(seeds, steps, stream)) for stream in range(64))


def test_normal_numbers_have_their_moments_and_do_not_repeat() -> None:
    seeds, steps = torch.tensor([0, 0, 1, 2**62]), torch.tensor([0, 1, 0, 500])
    draws = normal(seeds, steps, 50_000)
    assert draws.dtype == torch.float32
    torch.testing.assert_close(draws.mean(1), torch.zeros(4), atol=0.02, rtol=0)
    torch.testing.assert_close(draws.var(1), torch.ones(4), atol=0.03, rtol=0)
    torch.testing.assert_close((draws**4).mean(1), torch.full((4,), 3.0), atol=0.15, rtol=0)
    torch.testing.assert_close(torch.corrcoef(draws), torch.eye(4), atol=0.02, rtol=0)
    assert torch.equal(normal(seeds[2:3], steps[2:3], 50_000)[0], draws[2])
