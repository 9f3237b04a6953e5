"""From a module to a picture in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_client import NotFoundError
from dgnam_models import CardError, Preprocessing
from dgnam_server import published, render
from torch import Tensor, nn

FORM = Preprocessing((24, 32), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU())
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layer(x).mean((2, 3)))


@pytest.mark.parametrize(
    ("unit", "target"), [("layer.0:4", "small:layer.0:4"), ("layer.0:4@2,3", "small:layer.0:4@2,3"), (3, "small:fc:3"), ("3", "small:fc:3")]
)
def test_one_line(unit: str | int, target: str) -> None:
    picture = render(Small(), unit, preprocessing=FORM, steps=3, device="cpu", size=(48, 40))
    assert picture.array.shape == (48, 40, 3) and picture.recipe.target == target and picture.ending == "steps-done"
    assert set(picture.recipe.model_digests) == {"small"}


def test_with_a_prior_that_is_asked_for(tiny_pack: Path) -> None:
    picture = render(Small(), 3, preprocessing=FORM, prior="tiny-prior", models=[tiny_pack], steps=2, device="cpu", size=96)
    assert picture.array.shape == (96, 96, 3) and picture.recipe.method == "dgn-am"
    assert set(picture.recipe.model_digests) == {"small", "tiny-prior"}


def test_timm_says_what_its_modules_take() -> None:
    module = Small()
    module.pretrained_cfg = {"input_size": (3, 28, 36), "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}  # as timm's have it
    with pytest.warns(UserWarning, match="guessed from timm's pretrained_cfg: 28 x 36 RGB, mean .0.5, 0.5, 0.5.") as told:
        assert render(module, 1, steps=2, device="cpu").array.shape == (28, 36, 3)
    assert told[0].filename == __file__, "it names the line that drew"


@pytest.mark.parametrize(
    ("name", "classes", "size", "whose"),
    [
        ("resnet18", 1000, 224, "resnet18"),
        ("efficientnet_b1", 1000, 240, "efficientnet_b1"),
        ("resnet34", 7, 224, "ResNet family"),
    ],
)
def test_torchvisions_published_weights_say_it(name: str, classes: int, size: int, whose: str) -> None:
    tv = pytest.importorskip("dgnam_models.nets.torchvision").models()
    with torch.device("meta"):
        module = tv.get_model_builder(name)(weights=None, num_classes=classes)
    found = published.preprocessing(module)
    assert found is not None
    form, source = found
    assert (form.size, source) == ((size, size), f"torchvision's {whose}")
    np.testing.assert_allclose(form.mean, (0.485, 0.456, 0.406))


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(CardError, match="neither torchvision nor timm says what pictures Small takes: give preprocessing=Preprocessing"):
        render(Small(), 1)
    with pytest.raises(CardError, match="small has no tap layer4; it has layer.0"):
        render(Small(), "layer4:1", preprocessing=FORM)
    with pytest.raises(CardError, match="there is no model upconv; there are alexnet64"):
        render(Small(), 1, preprocessing=FORM, prior="upconv", device="cpu")
    with pytest.raises((NotFoundError, ValueError), match="9 is not between 0 and 4"):
        render(Small(), 9, preprocessing=FORM, device="cpu")
