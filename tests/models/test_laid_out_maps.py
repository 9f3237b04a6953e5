"""Weights are kept in every order that a batch wants, each once."""

import pytest
import torch
from dgnam_models.laid_out_maps import MOST_SHAPES, Convolution, Stretched, _Weights
from dgnam_models.precision import has_fast_bfloat16
from torch import Tensor

ops = torch.ops.mkldnn
GEOMETRY = ((1, 1), (0, 0), (1, 1), 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_no_batch_finds_weights_in_an_order_it_does_not_want(dtype: torch.dtype, threads: int) -> None:
    """With AMX, bfloat16 and two threads, one row wants another order than several: bringing weights into it took 30 ms a call."""
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    weight = torch.randn(48, 192, 1, 1, dtype=dtype)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        weights = _Weights(lambda size: laid_out(weight, size), torch.Size((1, 192, 7, 7)))
        for batch in (1, 2, 3, 4, 8, 16, 2, 1):
            size = torch.Size((batch, 192, 7, 7))
            assert torch.equal(order(weights.of(size)), order(laid_out(weight, size))), batch
    finally:
        torch.set_num_threads(before)


def test_an_order_is_kept_once() -> None:
    weight, made = torch.randn(8, 8, 3, 3), []

    def lay_out(size: torch.Size) -> Tensor:
        made.append(laid_out(weight, torch.Size((1, 8, 14, 14))))  # whatever the size
        return made[-1]

    weights = _Weights(lay_out, torch.Size((1, 8, 14, 14)))
    for batch in (1, 2, 2, 3):
        assert weights.of(torch.Size((batch, 8, 14, 14))) is made[0]
    assert len(made) == 3, "each shape is asked about once"


def test_shapes_without_end_are_not_remembered() -> None:
    weight = torch.randn(4, 4, 1, 1)
    weights = _Weights(lambda size: laid_out(weight, size), torch.Size((1, 4, 1, 1)))
    for side in range(1, 2 * MOST_SHAPES):
        weights.of(torch.Size((1, 4, 1, side)))
    assert len(weights._wanted) <= MOST_SHAPES


@pytest.mark.parametrize("map_", [Convolution, Stretched])
def test_a_batch_of_another_size_gives_the_same_numbers(map_: type) -> None:
    geometry, size = ((1, 1), (1, 1), (1, 1), 1), torch.Size((1, 8, 14, 14))
    weight = torch.randn(8, 8, 3, 3)
    made = Stretched(weight, geometry, size) if map_ is Stretched else Convolution(weight, None, geometry, size)
    x = torch.randn(5, 8, 14, 14)
    torch.testing.assert_close(made(x), torch.cat([made(row[None]) for row in x]))


def laid_out(weight: Tensor, size: torch.Size) -> Tensor:
    stride, padding, dilation, groups = GEOMETRY
    laid: Tensor = ops._reorder_convolution_weight(weight, padding, stride, dilation, groups, list(size))
    return laid


def order(weight: Tensor) -> Tensor:
    described: Tensor = ops._get_mkldnn_serialized_md(weight)
    return described
