"""The class activation map against an explicit computation, and where it lies in a picture."""

from dataclasses import replace

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.parts.activation_map import ACTIVATION_MAP, activation_map, inside
from dgnam_server.synth.transforms import centre_crop
from tiny_problems import problem_for, spec_for


def test_behind_average_pooling_the_map_is_the_published_one(tiny: Catalog) -> None:
    """Pan et al. 2017, eq. 10 and 11, with the head's own weights, against the gradient's mean."""
    network = tiny.networks["tiny-res"]
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    last = [tap.name for tap in network.card.taps if len(tap.shape) == 3][-1]
    module = network.module
    found = module.activations(network.preprocess.encode(image).to(network.dtype), [last, "fc"])
    maps, unit = found[last], 3
    head = dict(module.stages.named_children())["fc"].weight[unit]  # w_j^k
    explicit = torch.einsum("j,jyx->yx", head, maps[0]).clamp(min=0)
    (slope,) = torch.autograd.grad(found["fc"][0, unit], maps)
    heat = activation_map(maps.detach(), slope)
    torch.testing.assert_close(heat[0, 0], explicit / explicit.max())
    assert heat.max() == 1


def test_inside_by_hand() -> None:
    gradient = torch.ones(4, 2, 1, 3)
    heat = torch.tensor([0.1, 0.5, 1.0]).view(1, 1, 1, 3).repeat(4, 1, 1, 1)
    heat[3] = 0  # no evidence anywhere
    found = inside(gradient, heat, torch.tensor([0.0, 1.0, 0.5, 1.0]), torch.tensor([0.0, 0.3, 0.0, 0.0]))
    torch.testing.assert_close(found[:, 0, 0], torch.tensor([[1, 1, 1], [0, 0.5, 1], [0.55, 0.75, 1], [1, 1, 1]]))
    assert torch.equal(found[:, 0], found[:, 1])


def test_the_map_of_a_cropped_picture_lies_in_its_middle(tiny: Catalog) -> None:
    """A network that sees the middle 32 of 48 pixels finds there what it finds in that middle alone."""
    method = METHODS["normalized"]
    specs = [spec_for(method, ("tiny-res", "fc", 1), seed=2, cam_weight=1.0, noise=0.3, size=size) for size in (48, 32)]
    large, small = (replace(problem_for(tiny, method, spec), fit=centre_crop) for spec in specs)
    assert ACTIVATION_MAP.watch
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    found = ACTIVATION_MAP.watch(image, ascent.init(large, specs[0], 0), large)["heat"]
    expected = ACTIVATION_MAP.watch(image[..., 8:40, 8:40].clone(), ascent.init(small, specs[1], 0), small)["heat"]
    assert found.shape == (1, 1, 48, 48)
    torch.testing.assert_close(found[..., 8:40, 8:40], expected)
    assert found.sum() == expected.sum(), "there is nothing around it"
    assert expected.max() > 0.9
