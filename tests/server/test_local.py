"""Networks that exist only in this process, of every shape that people come with, by the client's own calls."""

import re
from collections.abc import Iterator

import dgnam_client
import numpy as np
import pytest
import torch
from dgnam_server import Engine, Network, Preprocessing
from dgnam_server.faults import SettingsError
from torch import Tensor, nn

COLOUR = Preprocessing((24, 36), "RGB", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Residual(nn.Module):
    """Batch normalization, a sum and a concatenation, written over in place."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        self.left, self.right = nn.Conv2d(6, 6, 3, 1, 1), nn.Conv2d(6, 4, 1)
        self.relu = nn.ReLU(inplace=True)
        self.hidden, self.fc = nn.Linear(10, 12), nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        left = self.left(x)
        left += x
        joined = torch.cat([self.relu(left), self.right(x)], 1)
        return self.fc(self.relu(self.hidden(joined.mean((2, 3)))))


def lively(module: nn.Module) -> nn.Module:
    """Statistics as training leaves them, and still in training mode."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean), nn.init.uniform_(part.running_var, 0.5, 2)
    return module.train()


MODULES = {
    "oblong": (lively(Residual(3, 7)), COLOUR),
    "grey": (lively(Residual(1, 1)), Preprocessing((28, 28), "GREY", (0.1307,), (0.3081,))),
    "many": (lively(Residual(3, 2000)), Preprocessing((20, 20), "BGR")),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    networks = [Network.of(module, name, form) for name, (module, form) in MODULES.items()]
    with Engine.local(*networks, only=["upconv64-fc6"], device="cpu", precision="float32", threads=1, max_batch_rows=2) as started:
        yield started


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("unit", ["fc:{last}", "hidden:3", "stem.0:1", "stem.1:2@3,4", "relu:5"])
def test_pictures_for_a_module_of_ones_own(name: str, unit: str, engine: Engine) -> None:
    """Taps of rank 2 and 4; the reported activation of a class unit is the bare module's for the picture."""
    module, form = MODULES[name]
    last = module.fc.out_features - 1  # type: ignore[union-attr]
    drawn = engine.synthesize_pixels(f"{name}:{unit.format(last=last)}", steps=3, shift_px=0, crop=0)  # the view is the picture
    assert drawn.array.shape == (*form.size, 3) and np.isfinite(drawn.history).all() and drawn.history.any()
    if unit.startswith("fc"):
        image = torch.from_numpy(drawn.array).permute(2, 0, 1)[None]
        image = image.flip(1) if form.channels == "BGR" else image
        if form.channels == "GREY":
            image = (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
        fed = (image - torch.tensor(form.mean).view(-1, 1, 1)) / torch.tensor(form.std).view(-1, 1, 1)
        with torch.no_grad():
            wanted = module.eval()(fed)[0, last]
        module.train()
        assert drawn.activation == pytest.approx(float(wanted), rel=1e-3, abs=1e-4)


def test_a_bundled_prior_draws_for_it_and_two_networks_share_a_picture(engine: Engine) -> None:
    drawn = engine.synthesize({"oblong:fc:3": 1.0, "grey:stem.0:2": 0.5}, steps=3)
    assert drawn.array.shape == (64, 64, 3) and len(drawn.term_activations) == 2
    assert set(drawn.recipe.model_digests) == {"oblong", "grey", "upconv64-fc6"}
    assert engine.replay(drawn.recipe).png == drawn.png


def test_it_has_the_clients_calls_and_errors(engine: Engine) -> None:
    assert isinstance(engine, dgnam_client.Client) and repr(engine) == f"<Engine {engine.server}>"
    assert {"oblong", "grey", "many", "alexnet64"} <= {model.name for model in engine.models()}
    assert len(engine.units("many", "fc")) == 2000 and engine.model("oblong").output_tap == "fc"
    with pytest.raises(dgnam_client.NotFoundError, match="did you mean hidden"):
        engine.synthesize_pixels("oblong:hiden:3")
    with dgnam_client.Client(engine.server) as stranger, pytest.raises(dgnam_client.UnauthenticatedError):
        stranger.models()


def test_the_module_stays_as_it_was() -> None:
    module = lively(Residual(3, 7))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    threads = torch.get_num_threads()
    network = Network.of(module, "mine", COLOUR, ["stem.0", "hidden"], labels=list("abcdefg"))
    assert [tap.name for tap in network.card.taps] == ["stem.0", "hidden", "fc"]
    assert module.training and all(weight.requires_grad for weight in module.parameters())
    assert all(value.equal(before[key]) for key, value in module.state_dict().items())
    again = Network.of(module, "mine", COLOUR)
    assert again.card.sha256 == network.card.sha256 and torch.get_num_threads() == threads


def test_what_does_not_fit_is_said() -> None:
    from dgnam_models import CardError

    module = Residual(3, 7)
    for form, options, message in (
        (MODULES["grey"][1], {}, r"cannot be run on a picture of \(28, 28\), GREY: .*expected input"),
        (COLOUR, {"taps": ["conv9"]}, "mine has no tap conv9; it has stem.0, stem.1"),
        (COLOUR, {"labels": ["one"]}, "1 labels for 7 units of fc"),
    ):
        with pytest.raises(CardError, match=message):
            Network.of(module, "mine", form, **options)  # type: ignore[arg-type]
    network = Network.of(module, "mine", COLOUR)
    for settings, message in (
        ({"max_batch_row": 3}, "max_batch_row: no such setting; did you mean max_batch_rows?"),
        ({"max_batch_rows": 0}, "max_batch_rows: 0 is not between 1 and 4096"),
        ({"device": "cuda:1000"}, "device: cuda:1000 is not there; this machine has cpu"),
        ({"precision": "float16"}, "precision: 'float16' is not auto, float32 or bfloat16"),
        ({"token": "s3cret"}, "token: Engine.local chooses it"),
    ):
        with pytest.raises(SettingsError, match=f"^{re.escape(message)}"):
            Engine.local(network, **settings)
