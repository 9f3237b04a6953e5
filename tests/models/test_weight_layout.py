"""LaidOut layers compute what the layers they replace compute, and so do their gradients."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import Generator, Network, Preprocessing
from dgnam_models.nets._halving import HalvingConv2d
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import LaidOut, RectifiersApart, laid_out, lay_out_
from torch import Tensor, nn

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "3x3": lambda: nn.Conv2d(8, 16, 3, padding=1),
    "1x1, no bias": lambda: nn.Conv2d(8, 16, 1, bias=False),
    "5x5, stride 2, few channels": lambda: nn.Conv2d(3, 16, 5, stride=2, padding=2),
    "stride 3 leaves rows over": lambda: nn.Conv2d(8, 8, 4, stride=3),
    "dilated": lambda: nn.Conv2d(8, 8, 3, padding=1, dilation=2),
    "oblong": lambda: nn.Conv2d(8, 8, (1, 5), stride=(2, 1), padding=(0, 2)),
    "transposed, stride 2": lambda: nn.ConvTranspose2d(8, 16, 4, stride=2, padding=1),
    "transposed, with rows added": lambda: nn.ConvTranspose2d(8, 16, 3, stride=2, padding=1, output_padding=1, bias=False),
    "depthwise": lambda: nn.Conv2d(8, 8, 5, padding=2, groups=8),
    "depthwise, stride 2, no padding": lambda: nn.Conv2d(8, 8, 3, stride=2, groups=8),
    "depthwise, stride 2, rows left over": lambda: nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8),
    "depthwise, two filters each, stride 3, dilated": lambda: nn.Conv2d(8, 16, 3, stride=(3, 2), dilation=2, padding=1, groups=8),
    "halving": lambda: HalvingConv2d(3, 16, 3),
    "halving, depthwise": lambda: HalvingConv2d(8, 8, 5, groups=8),
    "in two groups": lambda: nn.Conv2d(8, 16, 3, padding=1, groups=2),
    "in two groups, stride 2": lambda: nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=2),
    "linear": lambda: nn.Linear(14, 5),
    "linear, no bias": lambda: nn.Linear(14, 16, bias=False),
    "transposed, stride 1": lambda: nn.ConvTranspose2d(8, 3, 3, padding=1),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_layer_and_its_gradient_are_those_of_the_layer_it_replaces(name: str, dtype: torch.dtype, batch: int) -> None:
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    torch.manual_seed(0)
    layer = LAYERS[name]().to(dtype).requires_grad_(False)
    shape = (3, 14) if isinstance(layer, nn.Linear) else (layer.in_channels, 14, 14)
    laid_out = LaidOut(layer, torch.Size((1, *shape)))
    x = torch.randn(batch, *shape, dtype=dtype)
    (value, slope), (expected, expected_slope) = (both(part, x) for part in (laid_out, layer))
    assert value.dtype == slope.dtype == dtype
    tolerance = 1e-4 if dtype is torch.float32 else 0.02
    torch.testing.assert_close(value, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    torch.testing.assert_close(slope, expected_slope, rtol=tolerance, atol=tolerance * float(expected_slope.abs().max()))


def test_a_halving_layer_takes_odd_lengths_too() -> None:
    layer = HalvingConv2d(8, 8, 3, groups=8).requires_grad_(False)
    laid_out = LaidOut(layer, torch.Size((1, 8, 13, 14)))
    for size in ((13, 14), (14, 14), (9, 7)):
        x = torch.randn(2, 8, *size)
        for one, other in zip(both(laid_out, x), both(layer, x), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("rectifier", [nn.ReLU(), nn.ReLU6(inplace=True)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_rectifies_while_it_multiplies(name: str, rectifier: nn.Module, dtype: torch.dtype) -> None:
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    torch.manual_seed(0)
    layer = LAYERS[name]().to(dtype).requires_grad_(False)
    shape = (3, 14) if isinstance(layer, nn.Linear) else (layer.in_channels, 14, 14)
    x = 6 * torch.randn(2, *shape, dtype=dtype)
    laid_out = LaidOut(layer, torch.Size((1, *shape)), rectifier)
    together = both(laid_out, x)
    with RectifiersApart():
        apart = both(laid_out, x)
        graph = laid_out(x.clone().requires_grad_()).grad_fn
    assert graph is not None and graph.name() in ("ReluBackward0", "HardtanhBackward0")
    tolerance = 1e-4 if dtype is torch.float32 else 0.02
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance * float(other.abs().max()))
    torch.testing.assert_close(together[0], rectifier(layer(x)), rtol=tolerance, atol=tolerance * float(together[0].abs().max()))


def both(layer: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """The layer's output and the gradient of its weighted sum by the input."""
    x = x.clone().requires_grad_()
    y = layer(x)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    return y.detach(), torch.autograd.grad((y * weights).sum(), x)[0]


@pytest.mark.parametrize("name", ["tiny", "tiny-res"])
def test_a_network_reads_the_same_at_every_tap(tiny_pack: Path, name: str) -> None:
    network = dgnam_models.load(name, packs=[tiny_pack])
    laid_out = lay_out_(deepcopy(network))
    assert isinstance(network, Network) and isinstance(laid_out, Network)
    assert any(isinstance(part, LaidOut) for part in laid_out.modules())
    assert not any(isinstance(part, nn.Conv2d | nn.Linear) for part in laid_out.modules())
    taps = [tap.name for tap in network.card.taps]
    image = torch.rand(2, 3, *network.input_size)
    torch.testing.assert_close(laid_out.activations(image, taps), network.activations(image, taps), rtol=1e-4, atol=1e-4)


def test_of_a_block_the_rectifiers_are_taken_along() -> None:
    network = dgnam_models.load("resnet64")
    laid_out = lay_out_(deepcopy(network))
    assert isinstance(network, Network) and isinstance(laid_out, Network)
    left = [part for name, part in laid_out.module.named_modules() if name.endswith(".rectifier") and not isinstance(part, nn.Identity)]
    assert not left
    image = torch.rand(2, 3, *network.input_size)
    for one, other in zip(both(laid_out.logits, image), both(network.logits, image), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


class Mixing(nn.Module):
    """Attention as timm writes it, and classes of the mean over positions."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.classes = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 3)
        self.num_heads, self.qkv, self.proj = 2, nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        parts = self.qkv(tokens).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        heads = nn.functional.scaled_dot_product_attention(*parts.unbind()).transpose(1, 2).flatten(2)
        classes: Tensor = self.classes(self.proj(heads).mean(1))
        return classes


class ReadingWeights(Mixing):
    """It multiplies with its layer's weights itself."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.classes.weight.sum()


class Untyped(Mixing):
    """It does something else where a layer has another type."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if type(self.proj) is nn.Linear else 2 * x)


def test_ones_own_network_is_copied_and_laid_out() -> None:
    own = Network.of(Mixing(), "own", Preprocessing((16, 16)))
    served = laid_out(own)
    assert any(isinstance(part, LaidOut) for part in served.modules())
    assert not any(isinstance(part, LaidOut) for part in own.modules()), "it is still its owner's"
    image, taps = torch.rand(2, 3, 16, 16), [tap.name for tap in own.card.taps]
    assert any(tap.endswith("heads") for tap in taps)
    torch.testing.assert_close(served.activations(image, taps), own.activations(image, taps), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("module", [ReadingWeights, Untyped])
def test_a_network_that_cannot_do_without_its_layers_keeps_them(module: type[nn.Module], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    own = Network.of(module(), "own", Preprocessing((16, 16)))
    assert laid_out(own) is own
    assert "own is served as it is" in caplog.text


def test_a_generator_draws_the_same(tiny_pack: Path) -> None:
    generator = dgnam_models.load("tiny-prior", packs=[tiny_pack])
    assert isinstance(generator, Generator)
    laid_out = lay_out_(deepcopy(generator))
    code = torch.rand(3, generator.code_size)
    for one, other in zip(both(laid_out, code), both(generator, code), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX2", reason="seen with the kernels for AVX2; others may differ")
def test_the_bits_do_not_depend_on_the_batch(tiny_pack: Path) -> None:
    generator, network = (lay_out_(dgnam_models.load(name, packs=[tiny_pack])) for name in ("tiny-prior", "tiny"))
    assert isinstance(generator, Generator) and isinstance(network, Network)
    codes = torch.randn(13, generator.code_size, generator=torch.Generator().manual_seed(0))

    def gradient(codes: Tensor) -> Tensor:
        code = codes.clone().requires_grad_()
        return torch.autograd.grad(network.logits(generator(code))[:, 0].sum(), code)[0]

    together = gradient(codes)
    for size in (1, 2, 3, 5, 8, 11):
        assert torch.equal(gradient(codes[:size]), together[:size]), size
    assert torch.equal(gradient(codes[5:8]), together[5:8]), "elsewhere in the batch"


def test_what_the_kernels_cannot_do_stays_as_it_is(tiny_pack: Path) -> None:
    network = dgnam_models.load("tiny", packs=[tiny_pack], dtype=torch.float64)
    assert not any(isinstance(part, LaidOut) for part in lay_out_(network).modules())
