"""Batch normalization folded into the map before it: the same numbers and gradients at every tap, and only where it may be."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import dgnam_models
import onnx_files
import pytest
import torch
from dgnam_models import Network, Preprocessing
from dgnam_models.nets._folding import Folded
from dgnam_models.nets._hooked import Hooked, survey
from dgnam_models.nets._onnx import Converted
from dgnam_models.nets._onnx_graph import Graph
from dgnam_models.nets.caffe import build
from dgnam_models.network import Tapped, folded
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import laid_out, lay_out_
from torch import Tensor, nn

FORM = Preprocessing((20, 28), mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))


class Bottleneck(nn.Module):
    """ResNet-50's: one ReLU called three times, and a shortcut with a normalization of its own."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        y += self.downsample(x)
        return self.relu(y)  # type: ignore[no-any-return]


def resnet() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
        Bottleneck(8, 4, 1), Bottleneck(16, 8, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5),
    )  # fmt: skip


def maps() -> nn.Module:
    """Depthwise, grouped, transposed and plain products, with biases and without scales."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d(6), nn.ConvTranspose2d(6, 4, 2, 2, groups=2), nn.BatchNorm2d(4, affine=False),
        nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 8, bias=False), nn.BatchNorm1d(8), nn.Linear(8, 5),
    )  # fmt: skip


def alive(module: nn.Module) -> nn.Module:
    """Statistics as training leaves them, some scales below zero."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            part.running_mean.normal_(0, 0.3), part.running_var.uniform_(0.2, 2)
            if part.affine:
                part.weight.data.normal_(), part.bias.data.normal_(0, 0.3)
    return module.eval().requires_grad_(False)


def hooked(module: nn.Module) -> tuple[Hooked, list[str]]:
    found = survey(module, torch.rand(3, 3, *FORM.size))
    return Hooked(module, found.features_last), list(found.shapes)


def caffe() -> tuple[nn.Module, list[str]]:
    """Convolution, BatchNorm and Scale, in place and not; a Bias; and a blob with a second reader, which is not folded."""
    wide = {"out_channels": 4, "kernel_size": 3}
    network = build((3, *FORM.size), [
        {"name": "c1", "type": "Convolution", "bottom": ["data"], "top": ["c1"], "options": {"in_channels": 3, **wide, "bias": False}},
        {"name": "n1", "type": "BatchNorm", "bottom": ["c1"], "top": ["c1"], "options": {"channels": 4, "eps": 1e-3}},
        {"name": "s1", "type": "Scale", "bottom": ["c1"], "top": ["c1"], "options": {"shape": [4], "bias": True}},
        {"name": "r1", "type": "ReLU", "bottom": ["c1"], "top": ["c1"]},
        {"name": "c2", "type": "Convolution", "bottom": ["c1"], "top": ["c2"], "options": {"in_channels": 4, **wide}},
        {"name": "b2", "type": "Bias", "bottom": ["c2"], "top": ["b2"], "options": {"shape": [4]}},
        {"name": "c3", "type": "Convolution", "bottom": ["b2"], "top": ["c3"], "options": {"in_channels": 4, **wide}},
        {"name": "n3", "type": "BatchNorm", "bottom": ["c3"], "top": ["n3"], "options": {"channels": 4, "eps": 1e-5}},
        {"name": "sum", "type": "Eltwise", "bottom": ["c3", "n3"], "top": ["sum"], "options": {"operation": "sum"}},
    ])  # fmt: skip
    torch.manual_seed(0)
    for part in network.parameters():
        part.data.uniform_(0.2, 1.5).mul_(0.2 if part.ndim > 1 else 1)
    return network.eval().requires_grad_(False), network.tap_names()


def onnx() -> tuple[nn.Module, list[str]]:
    graph = Graph(onnx_files.network().model("probabilities"))
    return Converted(graph), list(graph.taps)


NETWORKS: dict[str, tuple[Callable[[], tuple[nn.Module, list[str]]], int]] = {  # and how many maps are folded
    "ResNet-50's blocks": (lambda: hooked(alive(resnet())), 9),
    "other maps": (lambda: hooked(alive(maps())), 3),
    "Caffe": (caffe, 2),
    "ONNX": (onnx, 1),
}


def folds(module: nn.Module) -> int:
    return sum(isinstance(part, Folded) for part in module.modules())


def read(module: nn.Module, taps: list[str]) -> list[Tensor]:
    """Values at `taps`, read together, and the gradient of each."""
    assert isinstance(module, Tapped)
    x = torch.randn(2, 3, *FORM.size, generator=torch.Generator().manual_seed(1)).requires_grad_()
    values = module.activations(x, taps)
    slopes = [torch.autograd.grad((values[tap] * values[tap].detach()).sum(), x, retain_graph=True)[0] for tap in taps]
    return [*(values[tap].detach() for tap in taps), *slopes]


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_is_unfolded_at_every_tap_alone_and_beside_others(name: str) -> None:
    make, count = NETWORKS[name]
    plain, taps = make()
    fast = folded(deepcopy(plain), FORM)
    assert (folds(plain), folds(fast)) == (0, count)
    for asked in ([tap] for tap in taps):
        _same(read(fast, asked), read(plain, asked))
    _same(read(fast, taps), read(plain, taps))
    folded(fast, FORM)
    assert folds(fast) == count, "once is enough"


def test_a_map_that_is_read_by_itself_runs_as_it_came() -> None:
    plain, taps = caffe()
    fast = folded(deepcopy(plain), FORM)
    assert isinstance(plain, Tapped) and isinstance(fast, Tapped)
    x = torch.randn(1, 3, *FORM.size)
    for tap in ("c1", "n1"):  # before normalization, and before the scale that follows on it
        assert fast.activations(x, [tap])[tap].equal(plain.activations(x, [tap])[tap])
    ran: list[nn.Module] = []
    for part in fast.modules():
        part.register_forward_hook(lambda part, given, made: ran.append(part))
    fast.activations(x, [taps[-1]])
    assert not any(type(part).__name__ in ("Scale", "Bias") for part in ran), "nothing of what was folded"


class ReadTwice(nn.Module):
    """Its map is read beside the normalization, by `how`."""

    def __init__(self, how: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.bn, self.how = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), how

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.bn(y) + self.how(self, y)


OTHER_READERS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "a sum": lambda net, y: y,
    "a mean without gradient": lambda net, y: y.detach().mean((2, 3), keepdim=True),
    "a list": lambda net, y: torch.stack([y, y]).mean(0),
    "another call of the map": lambda net, y: net.conv(torch.ones(1, 3, 20, 28)),  # type: ignore[operator]
    "another call of the normalization": lambda net, y: net.bn(y.new_ones(y.shape)),  # type: ignore[operator]
    "its weights": lambda net, y: net.conv.weight.mean() * torch.ones(1),  # type: ignore[operator,union-attr]
}


@pytest.mark.parametrize("how", OTHER_READERS)
def test_what_something_else_reads_is_not_folded(how: str) -> None:
    module = alive(ReadTwice(OTHER_READERS[how]))
    x = torch.randn(1, 3, *FORM.size)
    before = module(x)
    assert folds(folded(Hooked(module), FORM)) == 0
    assert module(x).equal(before)


def test_a_block_whose_output_is_the_map_is_a_tap_like_it() -> None:
    module = alive(nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 18 * 26, 5)))
    plain, fast = Hooked(deepcopy(module)), Hooked(module)
    assert folds(folded(fast, FORM)) == 1
    _same(read(fast, ["0", "1"]), read(plain, ["0", "1"]))


def test_a_module_that_cannot_be_run_stays_as_it_is() -> None:
    assert folds(folded(Hooked(alive(nn.Sequential(nn.Conv2d(5, 4, 3), nn.BatchNorm2d(4)))), FORM)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_folded_network_is_laid_out_and_its_maps_only_when_they_are_read(dtype: torch.dtype) -> None:
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    plain = Network.of(alive(resnet()), "res", FORM)
    fast = Network(plain.card, folded(deepcopy(plain.module), FORM), dtype).eval()
    lay_out_(fast)
    assert folds(fast) == 9
    maps = [part.layer for part in fast.modules() if isinstance(part, Folded)]
    tolerance = 1e-4 if dtype is torch.float32 else 0.2  # ReLUs near 0 open for one and not for the other; unfolded it is more
    image = torch.rand(2, 3, *FORM.size)
    for tap in ("4.bn2", "8", "4.conv2"):
        for one, other in zip(_by_tap(fast, image, tap), _by_tap(plain, image, tap), strict=True):
            assert (one - other).norm() < tolerance * other.norm(), tap
    assert [bool(part._waiting) for part in maps].count(False) == 1, "4.conv2, which was read"  # type: ignore[union-attr]


def test_ones_own_network_is_served_folded_and_stays_as_it_is() -> None:
    network = Network.of(alive(resnet()), "res", FORM)
    assert (folds(laid_out(network)), folds(network)) == (9, 0)


def test_what_a_pack_holds_is_loaded_folded(tmp_path: Path) -> None:
    from dgnam_models import pack
    from dgnam_models.importers import onnx as importer

    file = onnx_files.network().write(tmp_path / "net.onnx", "probabilities")
    pack.write(tmp_path / "pack", *importer.classifier(file, "net", preprocessing=FORM))
    network = dgnam_models.load("net", packs=[tmp_path / "pack"])
    assert isinstance(network, Network) and folds(network) == 1


def _by_tap(network: Network, image: Tensor, tap: str) -> tuple[Tensor, Tensor]:
    x = image.clone().requires_grad_()
    value = network.activations(x, [tap])[tap]
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


def _same(one: list[Tensor], other: list[Tensor]) -> None:
    for a, b in zip(one, other, strict=True):
        assert (a - b).norm() <= 2e-5 * b.norm(), (a.shape, float((a - b).norm() / b.norm()))
