"""The deviation of rows against PyTorch's own."""

import pytest
import torch
from dgnam_server.synth.deviation import deviation


@pytest.mark.parametrize("mean", [0.0, 50.0])
def test_it_is_that_of_each_row_about_its_own_mean(mean: float) -> None:
    image = mean + torch.randn(3, 3, 20, 24, generator=torch.Generator().manual_seed(0)) * torch.tensor([1e-3, 1.0, 0.0]).view(3, 1, 1, 1)
    before = image.clone()
    expected = image.double().flatten(1).std(1, unbiased=False).float()
    torch.testing.assert_close(deviation(image), expected, rtol=1e-3, atol=1e-5)
    assert torch.equal(image, before)
