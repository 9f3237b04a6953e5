"""Published names for torchvision's taps."""

import torch
from dgnam_models.nets import torchvision as tv
from dgnam_models.nets._hooked import Hooked
from torch import nn


def test_vgg_has_the_published_names() -> None:
    counts = (2, 2, 4, 4, 4)
    kinds = [kind for count in counts for kind in ("conv", "relu") * count + ("pool",)]
    make = {"conv": lambda: nn.Conv2d(1, 1, 1), "relu": nn.ReLU, "pool": lambda: nn.MaxPool2d(2)}
    vgg = nn.Module()
    vgg.features = nn.Sequential(*(make[kind]() for kind in kinds))
    names = tv.vgg_tap_names(vgg)
    assert [name for name in names if name.startswith("conv")] == [
        f"conv{block}_{depth}" for block, count in enumerate(counts, 1) for depth in range(1, count + 1)
    ]
    assert (names["relu1_1"], names["relu3_2"], names["pool5"], names["fc8"]) == (
        "features.1",
        "features.13",
        "features.36",
        "classifier.6",
    )


def test_a_tap_is_read_by_either_name() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True))
    image = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = Hooked(module, tap_names={"conv1_1": "0", "relu1_1": "1"}).activations(image, ["conv1_1", "relu1_1", "0"])
    assert list(found) == ["conv1_1", "relu1_1", "0"]
    assert torch.equal(found["conv1_1"], found["0"]) and torch.equal(found["relu1_1"], found["0"].relu())
