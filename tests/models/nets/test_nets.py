"""Every architecture: folding changes nothing, and taps are what the name says."""

from typing import Any

import pytest
import torch
from dgnam_models import nets
from dgnam_models.nets._blocks import Normalized, Staged
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

CLASSIFIERS: dict[str, dict[str, Any]] = {
    "alexnet": {"classes": 5, "channels": [4, 6, 8, 8, 6], "hidden": [24, 12]},
    "efficientnet_lite": {"classes": 5, "width": 0.25, "depth": 0.5, "head": 16},
    "inception": {"classes": 5, "stem": 4, "widths": [4, 4, 6, 6]},
    "resnet": {"classes": 5, "channels": [4, 6, 8]},
}
GENERATORS: dict[str, dict[str, Any]] = {
    "upconv": {"code": 12, "hidden": 12, "seed_channels": 4, "channels": [8, 6, 4, 4]},
    "upconv2x2": {"code": 12, "reduced": 4, "hidden": 10, "channels": [8, 8, 6, 4, 4], "grain": 2},
}


def trained_a_little(name: str, parameters: dict[str, Any], inputs: torch.Tensor) -> nn.Module:
    """A normalized network whose normalization has seen data and has weights of its own."""
    torch.manual_seed(0)
    module = nets.build(name, {**parameters, "normalized": True})
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(part.weight, -1.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    module.train()
    with torch.no_grad():
        for _ in range(5):
            module(inputs)
    return module.eval()


def test_names_lists_the_architectures() -> None:
    assert set(nets.names()) == {*CLASSIFIERS, *GENERATORS, "denoiser", "caffe", "torchvision"}


def test_unknown_architecture_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"unknown architecture 'vgg'; there are alexnet, "):
        nets.build("vgg", {})


class Initialized(TorchDispatchMode):
    """Counts the tensors that are given start values."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += function in (torch.ops.aten.uniform_.default, torch.ops.aten.normal_.default)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [*CLASSIFIERS, *GENERATORS])
def test_what_is_to_be_filled_gets_no_start_values(name: str) -> None:
    with Initialized() as built:
        nets.build(name, {**CLASSIFIERS, **GENERATORS}[name])
    with Initialized() as outlined:
        nets.outline(name, {**CLASSIFIERS, **GENERATORS}[name])
    assert (built.count > 0, outlined.count) == (True, 0)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *GENERATORS])
@torch.no_grad()
def test_folding_keeps_the_function_and_fits_the_bare_network(name: str) -> None:
    parameters = {**CLASSIFIERS, **GENERATORS}[name]
    inputs = torch.randn(8, 12) if name in GENERATORS else torch.randn(8, 3, 64, 64)
    module = trained_a_little(name, parameters, inputs)
    before = module(inputs)
    folded = nets.fold_(module)
    torch.testing.assert_close(folded(inputs), before, rtol=1e-3, atol=1e-4)
    assert all(isinstance(part.norm, nn.Identity) for part in folded.modules() if isinstance(part, Normalized))
    bare = nets.build(name, parameters).eval()
    bare.load_state_dict(folded.state_dict())
    torch.testing.assert_close(bare(inputs), folded(inputs))


@pytest.mark.parametrize("name", CLASSIFIERS)
@torch.no_grad()
def test_taps_are_the_stages_and_nothing_runs_beyond_the_last_asked_for(name: str) -> None:
    module = nets.build(name, CLASSIFIERS[name]).eval()
    assert isinstance(module, Staged)
    image = torch.randn(2, 3, 64, 64)
    taps = module.tap_names()
    found = module.activations(image, taps)
    torch.testing.assert_close(found[taps[-1]], module(image))
    ran: list[str] = []
    for tap, stage in module.stages.named_children():
        stage.register_forward_hook(lambda *_, tap=tap: ran.append(tap))
    module.activations(image, [taps[1], taps[3]])
    assert ran == taps[:4]
    with pytest.raises(KeyError, match="no such tap"):
        module.activations(image, ["nowhere"])


@pytest.mark.parametrize("name", CLASSIFIERS)
@torch.no_grad()
def test_units_are_read_before_their_relu(name: str) -> None:
    module = nets.build(name, CLASSIFIERS[name]).eval()
    assert isinstance(module, Staged)
    found = module.activations(torch.randn(4, 3, 64, 64), module.tap_names())
    for tap, value in found.items():
        if tap.startswith(("relu", "pool", "head2x2")):
            assert value.min() >= 0, tap
        else:
            assert value.min() < 0, f"{tap} looks rectified"


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_draw_sixteen_times_their_seed(name: str) -> None:
    assert nets.build(name, GENERATORS[name])(torch.zeros(3, 12)).shape == (3, 3, 64, 64)


def test_alexnet_with_layers_taken_away() -> None:
    shared = {"classes": 5, "channels": [4, 6, 0, 0, 6], "hidden": [0, 12]}
    shorter = nets.build("alexnet", shared).eval()
    assert isinstance(shorter, Staged)
    images = torch.randn(2, 3, 64, 64)
    assert shorter.activations(images, ["pool5", "fc7", "fc8"])["fc7"].shape == (2, 12)
    with pytest.raises(KeyError):
        shorter.activations(images, ["conv3"])
    bare = nets.build("alexnet", {**shared, "hidden": [0, 0]}).eval()
    assert bare(images).shape == (2, 5) and sum(part.numel() for part in bare.parameters()) < sum(
        part.numel() for part in shorter.parameters()
    )
    with pytest.raises(ValueError, match="only conv3 and conv4 can be taken away"):
        nets.build("alexnet", {**shared, "channels": [4, 0, 6, 6, 6]})
