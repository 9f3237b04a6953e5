"""What projected training needs, small: photographs of coloured shapes, and a random EfficientNet-Lite in place of the real one."""

from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import ModelCard, Network, NotInstalled, Preprocessing, nets, pack
from dgnam_models.card import Tap
from dgnam_models.nets._blocks import Staged
from PIL import Image, ImageDraw

SIDE = 32  # pixels that the encoder sees: the least it takes
STAND_IN = "tiny-lite"


def stand_in() -> Network:
    """A random network of the real one's blocks, with 16 features, 64 units of the code and 5 classes."""
    parameters = {"classes": 5, "width": 0.25, "depth": 1.0, "head": 16}
    torch.manual_seed(0)
    module = nets.build("efficientnet_lite", parameters)
    for weight in module.parameters():
        if weight.ndim > 1:
            torch.nn.init.kaiming_normal_(weight)
    assert isinstance(module, Staged)
    found = module.eval().activations(torch.zeros(1, 3, SIDE, SIDE), module.tap_names())
    card = ModelCard(
        STAND_IN,
        "classifier",
        "random weights",
        "test",
        "safetensors",
        "",
        "",
        "efficientnet_lite",
        parameters,
        Preprocessing((SIDE, SIDE), multiple=32),
        tuple(Tap(name, tuple(value.shape[1:])) for name, value in found.items()),
        tuple("abcde"),
        "fc",
    )
    return Network(card, module)


def encoder(name: str, folder: Path) -> tuple[str, list[Path]]:
    """The name of a network to train with, and the packs to look in: the stand-in, or EfficientNet-Lite0 where its package is installed."""
    if name == STAND_IN:
        network = stand_in()
        pack.write(folder, network.card, network.module.state_dict())
        return STAND_IN, [folder]
    try:
        dgnam_models.load(name)
    except NotInstalled as error:
        pytest.skip(str(error))
    return name, []


def shapes(folder: Path, sides: dict[str, int], count: int = 12) -> Path:
    """Classes of `count` pictures of coloured discs and boxes; `sides` has their height by class, and they are a little wider."""
    random = np.random.default_rng(0)
    for name, side in sides.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            picture = Image.new("RGB", (side + 4, side), tuple(random.integers(0, 256, 3).tolist()))
            draw = ImageDraw.Draw(picture)
            left, top = random.integers(0, side // 2, 2).tolist()
            draw_shape = draw.ellipse if number % 2 else draw.rectangle
            draw_shape((left, top, left + side // 2, top + side // 2), tuple(random.integers(0, 256, 3).tolist()))
            picture.save(folder / name / f"{number:02}.png")
    return folder
