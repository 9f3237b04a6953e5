"""Which activations are kept, every shape of network, and what stands in a signal's way."""

import pytest
import torch
from dgnam_models import Network, Preprocessing
from dgnam_server.analysis import PROJECTIONS
from dgnam_server.analysis.attribution import Seen
from dgnam_server.analysis.obstacle import NotProjectable
from dgnam_server.analysis.projection import Kept, Wanted, project
from torch import Tensor, nn
from torch.nn import functional

FORM = Preprocessing((24, 24), "RGB", (0.4, 0.5, 0.6), (0.25, 0.25, 0.25))
IMAGES = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))


class Everything(nn.Module):
    """Sums written in place, concatenation, average pooling, strides, groups, dilation, response normalization, a gate, batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm, self.lrn = nn.BatchNorm2d(8), nn.LocalResponseNorm(3)
        self.grouped, self.dilated = nn.Conv2d(8, 8, 3, padding=1, groups=4), nn.Conv2d(8, 4, 3, padding=2, dilation=2)
        self.gate, self.fc = nn.Conv2d(12, 12, 1), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lrn(functional.relu(self.norm(self.stem(x)), inplace=True))
        y = self.grouped(x)
        y += x
        y = torch.cat([y.relu_(), functional.silu(self.dilated(x))], 1)
        y = y * torch.sigmoid(self.gate(y))
        y = functional.avg_pool2d(y, 2)
        return self.fc(functional.max_pool2d(y, 3, 2).mean((2, 3)))


@pytest.fixture(scope="module")
def everything() -> Network:
    torch.manual_seed(0)
    return Network.of(Everything(), "every", FORM)


@pytest.mark.parametrize("method", PROJECTIONS)
@pytest.mark.parametrize("tap", ["fc", "gate", "dilated"])
def test_any_architecture(method: str, tap: str, everything: Network) -> None:
    """Finite, not empty; a row does not depend on its neighbours; no hook stays."""
    at_layer = PROJECTIONS[method].at_layer
    places = (tap, "grouped" if at_layer and tap != "dilated" else "lrn" if at_layer else None)
    choose = [Wanted(index=1).kept, Wanted(top=1).kept]
    kept, signals = project(everything, PROJECTIONS[method], places, IMAGES, choose)
    assert signals.isfinite().all() and signals.shape[:2] == (2, 1 if at_layer else 3)
    assert signals.abs().amax((1, 2, 3)).max() > 0
    for i in range(2):
        alone_kept, alone = project(everything, PROJECTIONS[method], places, IMAGES[i : i + 1], choose[i : i + 1])
        assert alone_kept[0].index == kept[i].index and alone_kept[0].positions == kept[i].positions
        torch.testing.assert_close(alone[0], signals[i], rtol=1e-4, atol=1e-5)
    assert not any(part._forward_hooks for part in everything.modules())


def test_what_is_kept() -> None:
    value = torch.tensor([[[0.0, 5.0], [2.0, 1.0]], [[1.0, 1.0], [4.0, 3.0]]])
    assert Wanted(1, None, 2).kept(value) == Kept(1, ((1, 0), (1, 1)), (4.0, 3.0))
    assert Wanted().kept(value) == Kept(0, ((0, 1),), (5.0,))
    assert Wanted(position=(1, 1)).kept(value) == Kept(1, ((1, 1),), (3.0,))
    assert Wanted(0, None, 9).kept(value).activations == (5.0, 2.0, 1.0, 0.0)
    assert Wanted().kept(torch.tensor([1.0, 3.0, 2.0])) == Kept(1, (), (3.0,))


def test_the_signal_at_the_top() -> None:
    """The activation itself; of a silent unit, which nothing would be seen of, 1."""
    like = torch.zeros(2, 2, 2)
    signal = Kept(1, ((0, 1), (1, 1)), (4.0, -3.0)).signal(like, with_activation=True)
    assert signal.flatten().tolist() == [0, 0, 0, 0, 0, 4, 0, 1]
    assert Kept(1, (), (2.0,)).signal(torch.zeros(3), with_activation=False).tolist() == [0, 1, 0]


def test_integrated_gradients_add_up(everything: Network) -> None:
    method = PROJECTIONS["integrated-gradients"]
    settings = method.settings({"steps": 100})
    image, total = IMAGES[:1], torch.zeros(1, 3, 24, 24)
    for look in method.looks(settings):
        total += look.weight * project(everything, method, ("fc", None), look.share * image, [Wanted(2).kept])[1]
    found = method.finish(Seen(image[0], total[0], torch.zeros(3, 1, 1), settings))
    gained = everything.logits(image)[0, 2] - everything.logits(torch.zeros_like(image))[0, 2]
    assert float(found.sum()) == pytest.approx(float(gained), rel=5e-3)


def test_gradient_times_input_of_a_linear_network_is_its_value() -> None:
    network = Network.of(nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 4, bias=False)), "linear", FORM)
    method = PROJECTIONS["gradient-times-input"]
    (kept,), signal = project(network, method, ("1", None), IMAGES[:1], [Wanted(3).kept])
    zero = torch.tensor(FORM.mean).view(3, 1, 1)
    assert float(method.finish(Seen(IMAGES[0], signal[0], zero, {})).sum()) == pytest.approx(kept.activations[0], rel=1e-4)


def test_grad_cam_behind_average_pooling_is_the_class_activation_map() -> None:
    module = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    network = Network.of(module, "cam", FORM)
    _, heat = project(network, PROJECTIONS["grad-cam"], ("4", "1"), IMAGES[:1], [Wanted(2).kept])
    maps = network.activations(IMAGES[:1], ["1"])["1"]
    expected = (module[4].weight[2].view(1, 6, 1, 1) * maps).sum(1, keepdim=True).clamp(min=0) / 24**2
    torch.testing.assert_close(heat, expected.detach())


class Stopped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.rounding, self.fc = nn.Conv2d(3, 4, 3), Rounding(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rounding(self.conv(x)).mean((2, 3)))


class Rounding(nn.Module):
    begun = False

    def forward(self, x: Tensor) -> Tensor:
        return x.detach().round() if self.begun else x


def test_the_module_in_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = Network.of(Stopped(), "stopped", FORM)
    monkeypatch.setattr(Rounding, "begun", True)  # from the beginning, Network.of would refuse it
    for method in ("deconvnet", "saliency"):
        with pytest.raises(NotProjectable, match=r"stopped's module .*rounding \(Rounding\): it has no gradient"):
            project(stopped, PROJECTIONS[method], ("fc", None), IMAGES[:1], [Wanted(0).kept])
    assert not any(part._forward_hooks for part in stopped.modules())


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.RNN(3 * 24, 4, nonlinearity="relu", batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x.transpose(1, 2).flatten(2))[0][:, -1])


def test_one_that_hides_its_activation_functions_is_named() -> None:
    network = Network.of(Recurrent(), "recurrent", FORM, ["fc"])
    with pytest.raises(NotProjectable, match=r"hides its activation functions in module\.rnn \(RNN\).*saliency"):
        project(network, PROJECTIONS["deconvnet"], ("fc", None), IMAGES[:1], [Wanted(0).kept])
    project(network, PROJECTIONS["saliency"], ("fc", None), IMAGES[:1], [Wanted(0).kept])


@pytest.mark.parametrize("pooled", [True, False])
def test_all_that_the_deconvnet_knows_of_the_picture_are_switches(pooled: bool) -> None:
    torch.manual_seed(0)
    last = nn.MaxPool2d(2) if pooled else nn.AvgPool2d(2)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), last, nn.Conv2d(6, 4, 3), nn.Flatten(), nn.Linear(4 * 81, 3))
    network = Network.of(module, "pooled", FORM)
    kept, signals = project(network, PROJECTIONS["deconvnet"], ("3", None), IMAGES, [Wanted(1, (4, 4)).kept] * 2)
    first, second = (signals[i] / kept[i].activations[0] if kept[i].activations[0] > 0 else signals[i] for i in range(2))
    assert torch.allclose(first, second, rtol=1e-3, atol=1e-5) != pooled
