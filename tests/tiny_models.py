"""Tiny real models, random but complete: a pack on disk as the exporter writes it, and the catalog the server makes of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from dgnam_models import ModelCard, codes, nets
from dgnam_models.lab.train import export
from dgnam_models.lab.train.config import Generator, Recipe
from dgnam_models.lab.train.export import Export
from dgnam_models.nets.denoiser import Denoiser
from dgnam_models.photographs import Photographs
from dgnam_server import catalog
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from torch import nn

# Small work gains nothing from more threads, and on a busy machine they wait for each other.
torch.set_num_threads(1)

SIZE = 32
NAMES = ("tiny", "tiny-res", "tiny-prior")  # to load without the bundled models, which takes seconds
LABELS = ("goldfish", "school bus", "lemon", "teapot", "koala", "go-kart", "ice cream")


def _recipe(name: str, architecture: str, **parameters: object) -> Recipe:
    return Recipe(name, "classifier", "random weights", architecture, parameters, image_size=SIZE)


def _lively(module: nn.Module) -> nn.Module:
    """Weights that keep signals at their size through every layer: torch's own start values let them die out."""
    for weight in module.parameters():
        if weight.ndim > 1:
            nn.init.kaiming_normal_(weight)
    return module.eval()


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of `write`."""
    return write(tmp_path_factory.mktemp("pack"))


def write(pack: Path) -> Path:
    """Write a pack with an encoder `tiny`, a residual network `tiny-res` and a prior `tiny-prior`, 32x32, into a folder; returns it."""
    torch.manual_seed(0)
    tiny = _recipe("tiny", "alexnet", channels=[4, 6, 8, 8, 6], hidden=[24, 12], image_size=SIZE)
    residual = _recipe("tiny-res", "resnet", channels=[4, 6, 8])
    for recipe in (tiny, residual):
        module = nets.build(recipe.architecture, {**recipe.parameters, "classes": len(LABELS)})
        export.classifier(recipe, _lively(module), LABELS, Export(pack, recipe.name, {}, "test"))
    settings = Generator("tiny", "relu6", ("pool5",), 1, 1, 1, 0, 1, 4, 0.9, 0.5)
    drawing = {"hidden": 16, "seed_channels": 4, "channels": [8, 6, 4], "denoiser": {"components": 6, "width": 8, "blocks": 1}}
    prior = replace(_recipe("tiny-prior", "upconv", **drawing), kind="generator", generator=settings)
    photographs = Photographs(torch.randint(0, 256, (16, 3, SIZE, SIZE), dtype=torch.uint8), torch.zeros(16, dtype=torch.int64), ("a",))
    encoder = catalog.dgnam_models.load("tiny", packs=[pack])
    module = _lively(nets.build("upconv", {**prior.parameters, "code": 24}))
    assert isinstance(module.denoiser, Denoiser)
    found = codes.of_photographs(encoder, "fc6", photographs)
    module.denoiser.mean.copy_(found.mean(0))
    module.denoiser.basis.copy_(found.std() * nn.init.orthogonal_(torch.empty(6, 24)))
    export.generator(prior, module, encoder, photographs, Export(pack, prior.name, {}, "test"))
    return pack


@pytest.fixture(scope="session")
def tiny(tiny_pack: Path) -> Catalog:
    """The tiny models, computing in float64.

    In float32, rounding differs between batch sizes by one part in ten million; where it moves a value across a ReLU's kink, the
    gradient jumps, and a test of equality says nothing. In float64 it says something.
    """
    loaded = catalog.load([tiny_pack], torch.device("cpu"), "tiny-prior", torch.float64, only=NAMES)
    assert isinstance(loaded.cards["tiny"], ModelCard)
    return loaded


@pytest.fixture(scope="session")
def builder(tiny: Catalog) -> Builder:
    """Makes work for the tiny models."""
    return Builder(tiny, torch.device("cpu"))
