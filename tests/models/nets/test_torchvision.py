"""Published names for torchvision's taps."""

import torch
from dgnam_models import nets
from dgnam_models.nets import torchvision as tv
from dgnam_models.nets._hooked import Hooked


def test_vgg_has_the_published_names() -> None:
    outline = nets.outline("torchvision", {"model": "vgg19", "num_classes": 3})
    assert isinstance(outline, Hooked)
    names = tv.vgg_tap_names(outline.module)
    assert [name for name in names if name.startswith("conv")] == [
        f"conv{block}_{depth}" for block, count in enumerate((2, 2, 4, 4, 4), 1) for depth in range(1, count + 1)
    ]
    assert names["relu3_2"] == "features.13" and names["pool5"] == "features.36" and names["fc8"] == "classifier.6"


def test_a_tap_is_read_by_either_name() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.ReLU(inplace=True))
    image = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = Hooked(module, tap_names={"conv1_1": "0", "relu1_1": "1"}).activations(image, ["conv1_1", "relu1_1", "0"])
    assert list(found) == ["conv1_1", "relu1_1", "0"]
    assert torch.equal(found["conv1_1"], found["0"]) and torch.equal(found["relu1_1"], found["0"].relu())
