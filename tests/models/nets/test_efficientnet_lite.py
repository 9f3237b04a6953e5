"""EfficientNet-Lite: its padding is TensorFlow's, its features by quarters, and with the published weights it is the published network."""

import dgnam_models
import pytest
import torch
from dgnam_models import Network, NotInstalled, nets
from dgnam_models.nets._blocks import Staged
from torch import Tensor

# What the reference implementation (efficientnet-lite-pytorch 0.1.0) gives for `ball`: its five highest units and their activations.
GOLDEN = {
    "efficientnet-lite0": {818: 6.2400, 530: 6.0515, 644: 5.6571, 111: 4.7772, 59: 4.7605},
    "efficientnet-lite1": {818: 5.6625, 644: 4.8243, 530: 4.5614, 852: 4.2287, 470: 4.1969},
    "efficientnet-lite2": {722: 6.4751, 522: 5.2447, 818: 5.2087, 852: 5.0578, 782: 4.8714},
}


def ball(side: int) -> Tensor:
    """A yellow ellipse on green, lit from the upper left, (1, 3, side, side)."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side),) * 2, indexing="ij")
    inside = torch.sigmoid(8 * (0.6 - (x.square() + (1.4 * y).square()).sqrt()))
    light = 0.85 - 0.35 * (x + y) / 2
    yellow, green = (torch.tensor(colour)[:, None, None] for colour in ([1.0, 0.9, 0.1], [0.25, 0.4, 0.25]))
    return (inside * light * yellow + (1 - inside) * green)[None]


def published(name: str) -> Network:
    try:
        network = dgnam_models.load(name)
    except NotInstalled as error:
        pytest.skip(str(error))
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize("name", GOLDEN)
def test_published_weights_give_the_published_activations(name: str) -> None:
    network = published(name)
    values, units = network.logits(ball(network.input_size[0]))[0].topk(5)
    assert dict(zip(units.tolist(), values.tolist(), strict=True)) == pytest.approx(GOLDEN[name], abs=1e-3)


def test_it_runs_at_any_multiple_of_32_and_its_card_says_with_which_shapes() -> None:
    network = published("efficientnet-lite0")
    small = network.at((128, 96))
    taps = [tap.name for tap in small.card.taps]
    found = small.activations(torch.rand(2, 3, 128, 96), taps)
    assert {tap.name: tap.shape for tap in small.card.taps} == {tap: tuple(value.shape[1:]) for tap, value in found.items()}
    assert found["block7a"].shape == (2, 320, 4, 3) and small.input_size == (128, 96) and network.input_size == (224, 224)
    assert small.module is network.module and not small.training
    with pytest.raises(dgnam_models.CardError, match="takes 224 x 224 pixels or multiples of 32, not 130 x 128"):
        network.at((130, 128))


def test_the_code_is_the_mean_of_each_quarter_of_the_rectified_features() -> None:
    module = nets.build("efficientnet_lite", {"classes": 2, "width": 0.25, "depth": 0.5, "head": 6}).eval()
    assert isinstance(module, Staged)
    found = module.activations(torch.randn(2, 3, 128, 128), ["head", "head2x2"])
    features = found["head"].clamp(0, 6)
    assert features.shape == (2, 6, 4, 4)
    torch.testing.assert_close(found["head2x2"].view(2, 6, 2, 2)[:, :, 0, 1], features[:, :, :2, 2:].mean((2, 3)))


def test_gradients_are_those_of_a_network_that_overwrites_nothing() -> None:
    module = nets.build("efficientnet_lite", {"classes": 3, "width": 0.25, "depth": 0.5, "head": 6}).eval().double()
    module.requires_grad_(False)
    image = torch.randn(2, 3, 64, 64, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(image)[:, 1].sum(), image)
    for part in module.modules():
        if isinstance(part, torch.nn.ReLU6):
            part.inplace = False
    (plain,) = torch.autograd.grad(module(image)[:, 1].sum(), image)
    torch.testing.assert_close(gradient, plain)
