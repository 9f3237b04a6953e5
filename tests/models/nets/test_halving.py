"""Convolutions that halve a picture pad as TensorFlow does, and give the same numbers by way of an ordinary convolution."""

import pytest
import torch
from dgnam_models.nets._halving import HalvingConv2d, evened


@pytest.mark.parametrize(("length", "kernel", "added"), [(8, 3, (0, 1)), (7, 3, (1, 1)), (8, 5, (1, 2)), (9, 5, (2, 2)), (1, 3, (1, 1))])
def test_padding_is_tensorflows(length: int, kernel: int, added: tuple[int, int]) -> None:
    """ceil(length / 2) values come out, and the larger half of an odd padding comes last."""
    layer = HalvingConv2d(1, 1, kernel).requires_grad_(False)
    torch.nn.init.ones_(layer.weight)
    assert layer.bias is not None
    torch.nn.init.zeros_(layer.bias)
    columns = torch.arange(1.0, length + 1).expand(1, 1, 9, length)
    padded = torch.tensor([0.0] * added[0] + list(range(1, length + 1)) + [0.0] * added[1])
    expected = padded.unfold(0, kernel, 2).sum(1)
    found = layer(columns)[0, 0]
    assert found.shape == (5, -(-length // 2))
    torch.testing.assert_close(found[2], expected * kernel)


@pytest.mark.parametrize("size", [(8, 12), (7, 8), (6, 9), (7, 5)], ids=str)
@pytest.mark.parametrize(("kernel", "groups"), [(3, 1), (5, 4)])
def test_an_ordinary_convolution_computes_the_same(size: tuple[int, int], kernel: int, groups: int) -> None:
    layer = HalvingConv2d(4, 8, kernel, groups).requires_grad_(False)
    x = torch.randn(2, 4, *size)
    torch.testing.assert_close(layer.symmetric()(evened(x)), layer(x))
