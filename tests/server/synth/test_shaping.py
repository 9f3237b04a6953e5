"""What is done to gradients: normalization, and the class activation map against an explicit computation."""

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import shaping


def test_normalization_by_hand() -> None:
    gradient = torch.tensor([1.0, -1.0, 3.0, -3.0]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
    found = shaping.normalize(gradient, torch.tensor([0.0, 1.0, 1.0]))
    torch.testing.assert_close(found[0], gradient[0])
    torch.testing.assert_close(found[1].flatten(), torch.tensor([1.0, -1.0, 3.0, -3.0]) / 5**0.5)
    assert shaping.normalize(torch.zeros(1, 3, 4, 4), torch.ones(1)).isfinite().all()


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
    heat = shaping.activation_map(maps.detach(), slope)
    torch.testing.assert_close(heat[0, 0], explicit / explicit.max())
    assert heat.max() == 1


def test_inside_by_hand() -> None:
    gradient = torch.ones(4, 2, 1, 3)
    heat = torch.tensor([0.1, 0.5, 1.0]).view(1, 1, 1, 3).repeat(4, 1, 1, 1)
    heat[3] = 0  # no evidence anywhere
    found = shaping.inside(gradient, heat, torch.tensor([0.0, 1.0, 0.5, 1.0]), torch.tensor([0.0, 0.3, 0.0, 0.0]))
    torch.testing.assert_close(found[:, 0, 0], torch.tensor([[1, 1, 1], [0, 0.5, 1], [0.55, 0.75, 1], [1, 1, 1]]))
    assert torch.equal(found[:, 0], found[:, 1])
