"""Attention of frozen networks gives what PyTorch's own gives, and a batch of rows takes no other path than one row."""

from typing import Any

import pytest
import torch
from dgnam_models import Network, Preprocessing
from dgnam_models.laid_out_attention import LaidOutAttention
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.receptive_field import receptive_field
from dgnam_models.weight_layout import lay_out_
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


class Attending(nn.Module):
    """A patch embedding, attention over the patches, and classes of their mean."""

    def __init__(self, batch_first: bool, need_weights: bool = False) -> None:
        super().__init__()
        self.patches, self.classes = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 3)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first)
        self.first, self.need_weights = batch_first, need_weights

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).permute((0, 2, 1) if self.first else (2, 0, 1))
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=self.need_weights)
        classes: Tensor = self.classes(mixed.mean(1 if self.first else 0))
        return classes


class Products(TorchDispatchMode):
    """Notes the names of products of whole batches."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten.bmm.default:
            self.seen.append(tuple(args[1].shape))
        return function(*args, **(kwargs or {}))


def attending(batch_first: bool, need_weights: bool = False) -> tuple[Network, Network]:
    """Plain, and laid out."""
    torch.manual_seed(0)
    module, form = Attending(batch_first, need_weights), Preprocessing((32, 32))
    plain, fast = (Network.of(module, "attending", form) for _ in range(2))
    return plain, lay_out_(fast)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("rows", [1, 3])
def test_values_and_gradients_are_those_of_pytorchs_own(batch_first: bool, need_weights: bool, rows: int) -> None:
    plain, fast = attending(batch_first, need_weights)
    assert any(isinstance(part, LaidOutAttention) for part in fast.modules())
    image = torch.rand(rows, 3, 32, 32)
    taps = ["attention", "attention.heads", "classes"]
    torch.testing.assert_close(fast.activations(image, taps), plain.activations(image, taps), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slope(fast, image), slope(plain, image), rtol=1e-4, atol=1e-6)


def test_so_it_is_in_bfloat16_but_for_rounding() -> None:
    if not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(64, 4, batch_first=True).eval().requires_grad_(False)
    fast = LaidOutAttention(attention.to(torch.bfloat16))
    x = torch.randn(3, 9, 64).to(torch.bfloat16)
    expected, _ = attention.float()(x.float(), x.float(), x.float(), need_weights=False)
    found, _ = fast(x, x, x, need_weights=False)
    assert found.dtype is torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.02 * float(expected.abs().max()))


def test_rows_share_the_weights() -> None:
    """PyTorch's own multiplies each of the 16 positions with a copy of them, once there are two rows."""
    plain, fast = attending(batch_first=True)
    image = torch.rand(3, 3, 32, 32)
    with Products() as of_plain:
        slope(plain, image)
    with Products() as of_fast:
        slope(fast, image)
        fast.activations(image, ["attention.heads"])
    assert (16, 8, 24) in of_plain.seen, "no need of ours any more?"
    assert not [shape for shape in of_fast.seen if shape[0] == 16]


def test_a_position_still_sees_the_whole_picture() -> None:
    _, fast = attending(batch_first=True)
    field = receptive_field(fast, "attention")
    assert field is not None and field.box((3, 0)).bottom == 32


def slope(network: Network, image: Tensor) -> Tensor:
    image = image.clone().requires_grad_()
    return torch.autograd.grad(network.logits(image)[:, 1].sum(), image)[0]
