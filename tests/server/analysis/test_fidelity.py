"""The same as other people's programs: an explicit deconvnet, written out here, and Captum on torchvision's networks."""

import warnings
from typing import Any
from unittest.mock import patch

import pytest
import torch
from dgnam_models import Network, Preprocessing
from dgnam_models.nets import torchvision
from dgnam_server.analysis import PROJECTIONS
from dgnam_server.analysis.projection import Wanted, project
from torch import Tensor, nn
from torch.nn import functional

PLAIN = Preprocessing((32, 32), "RGB", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def picture(seed: int = 0, size: int = 32) -> Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def of(module: nn.Module, name: str = "net") -> Network:
    """The module as a network that computes in float64."""
    network = Network.of(module.float(), name, PLAIN).double()
    network.dtype = torch.float64
    module.double()
    return network


def projected(network: Network, method: str, tap: str, image: Tensor, **wanted: Any) -> tuple[Any, Tensor]:
    (kept,), signal = project(network, PROJECTIONS[method], (tap, None), image, [Wanted(**wanted).kept])
    return kept, signal


class Stack(nn.Module):
    """Two convolutions, each with its ReLU and max pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5, stride=1, padding=2), nn.Conv2d(6, 8, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.conv1(x).relu(), 2)
        return functional.max_pool2d(torch.relu_(self.conv2(x)), 2).flatten(1)


def explicit(stack: Stack, image: Tensor, unit: int) -> Tensor:
    """Zeiler & Fergus 2013, section 2.1, step by step, of the strongest activation of the unit after the second ReLU."""
    first = functional.conv2d(image, stack.conv1.weight, stack.conv1.bias, padding=2)
    pooled1, switches1 = functional.max_pool2d(first.clamp(min=0), 2, return_indices=True)
    second = functional.conv2d(pooled1, stack.conv2.weight, stack.conv2.bias, stride=2, padding=1)
    kept = torch.zeros_like(second)
    at = second[0, unit].argmax()
    kept[0, unit].view(-1)[at] = second[0, unit].flatten()[at]
    down = functional.conv_transpose2d(kept, stack.conv2.weight, stride=2, padding=1, output_padding=1)
    unpooled = functional.max_unpool2d(down, switches1, 2)
    return functional.conv_transpose2d(unpooled.clamp(min=0), stack.conv1.weight, padding=2)


@pytest.mark.parametrize("unit", range(8))
def test_the_deconvnet_is_the_explicit_one(unit: int) -> None:
    torch.manual_seed(0)
    stack = Stack()
    network = of(stack)
    kept, signal = projected(network, "deconvnet", "conv2", picture(), index=unit)
    assert kept.activations[0] > 0
    torch.testing.assert_close(signal, explicit(stack, picture(), unit).float())


def test_unpooling_inverts_pooling_at_the_switches() -> None:
    """Maps that are zero but at the largest value of each window come back as they were."""
    network = Network.of(nn.Sequential(nn.MaxPool2d(2), nn.Flatten()), "pool", PLAIN)
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, 1::2, ::2] = picture(1, 16).float() + 0.1
    for unit in (0, 100, 700):
        kept, signal = projected(network, "deconvnet", "1", image, index=unit)
        channel, place = divmod(unit, 256)
        y, x = divmod(place, 16)
        expected = torch.zeros_like(image)
        expected[0, channel, 2 * y + 1, 2 * x] = image[0, channel, 2 * y + 1, 2 * x]
        assert signal.equal(expected) and kept.activations[0] == pytest.approx(float(expected.sum()))


def captum(name: str, module: nn.Module, image: Tensor, unit: int) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports and of the hooks that it sets on ReLUs
        from captum import attr

        image = image.clone().requires_grad_()
        if name == "saliency":
            return attr.Saliency(module).attribute(image, target=unit, abs=False)
        if name == "gradient-times-input":
            return attr.InputXGradient(module).attribute(image, target=unit)
        if name == "integrated-gradients":
            return attr.IntegratedGradients(module).attribute(image, target=unit, n_steps=5, method="riemann_middle")
        return {"deconvnet": attr.Deconvolution, "guided-backpropagation": attr.GuidedBackprop}[name](module).attribute(image, target=unit)


def vgg() -> nn.Module:
    """With narrow fully connected layers: to draw the 120 million weights of the published ones takes a minute."""
    with patch.object(nn.Linear, "reset_parameters"):
        module: nn.Module = torchvision.models().vgg11_bn(weights=None, num_classes=5, init_weights=False)
    module.classifier = nn.Sequential(nn.Linear(512 * 49, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 5))
    return module


def resnet() -> nn.Module:
    return torchvision.models().resnet18(weights=None, num_classes=5)


@pytest.fixture(scope="module", params=[vgg, resnet], ids=["vgg", "resnet"])
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, Network]:
    """A network of torchvision's with random weights and statistics, and the same as ours."""
    torch.manual_seed(0)
    module: nn.Module = request.param().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1), nn.init.uniform_(part.running_var, 0.5, 2), nn.init.uniform_(part.weight, 0.5, 2)
    return module, of(module)


@pytest.mark.parametrize("method", ["saliency", "guided-backpropagation", "deconvnet"])
def test_the_same_as_captum(method: str, pair: tuple[nn.Module, Network]) -> None:
    module, network = pair
    image = picture(2)
    for unit in (0, 3):
        kept, signal = projected(network, method, network.card.output_tap, image, index=unit)
        strength = kept.activations[0] if method == "deconvnet" and kept.activations[0] > 0 else 1.0
        expected = captum(method, module, image, unit)
        assert expected.abs().max() > 0
        torch.testing.assert_close(signal / strength, expected.float(), rtol=1e-5, atol=1e-6 * float(expected.abs().max()))
