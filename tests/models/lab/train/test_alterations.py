"""Alterations against pictures altered by hand, and a classifier trained with them, on another's weights, with snapshots."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import Generator, Network
from dgnam_models.codes import encode
from dgnam_models.errors import RecipeError
from dgnam_models.lab.train import alterations, config, loop
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.data import training_batch
from dgnam_models.lab.train.run import Run
from dgnam_models.lab.train.tasks.classifier import ClassifierTask
from dgnam_models.lab.train.tasks.generator import GeneratorTask
from dgnam_models.photographs import Photographs
from PIL import Image

RECIPE = Recipe("two", "classifier", "tells two", "alexnet", image_size=16)


def pictures(count: int = 50, size: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def quarters(picture: torch.Tensor) -> list[torch.Tensor]:
    return [half for row in picture.chunk(2, 1) for half in row.chunk(2, 2)]


def test_recipes_know_every_alteration() -> None:
    assert get_args(config.Altered) == tuple(alterations.ALTERATIONS)


def test_shuffled_moves_whole_quarters_and_never_leaves_all_in_place() -> None:
    before = pictures()
    after = alterations.alter("shuffled", before)
    orders = set()
    for old, new in zip(before, after, strict=True):
        order = tuple(next(i for i, part in enumerate(quarters(old)) if torch.equal(part, moved)) for moved in quarters(new))
        assert sorted(order) == [0, 1, 2, 3] != list(order)
        orders.add(order)
    assert len(orders) > 10, "each picture has its own order"


def test_swapped_shows_blue_as_red_red_as_green_green_as_blue() -> None:
    pixel = torch.tensor([10, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1)
    assert alterations.alter("swapped", pixel).flatten().tolist() == [30, 10, 20]


def test_blurred_is_a_gaussian_that_keeps_flat_pictures() -> None:
    flat = torch.full((1, 3, 16, 16), 77, dtype=torch.uint8)
    assert torch.equal(alterations.alter("blurred", flat), flat)
    edge = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    edge[..., 16:] = 255
    found = alterations.alter("blurred", edge)[0, 0, 16].float() / 255
    distance = (torch.arange(32) - 15.5) / alterations.BLUR_PX
    torch.testing.assert_close(found, torch.special.ndtr(distance), atol=0.01, rtol=0)  # a step blurred is the Gaussian's integral


@pytest.mark.parametrize("name", alterations.ALTERATIONS)
def test_every_alteration_changes_pictures_and_is_a_function_of_the_seed(name: str) -> None:
    before = pictures()
    kept = before.clone()
    one, again, other = (alterations.alter(name, before, seed) for seed in (3, 3, 4))
    assert one.shape == before.shape and one.dtype == torch.uint8
    assert torch.equal(before, kept)
    assert not torch.equal(one, before)
    assert torch.equal(one, again)
    assert torch.equal(one, other) == (name != "shuffled")


def test_what_a_recipe_learns_from() -> None:
    photographs = Photographs(pictures(4), torch.tensor([0, 1, 0, 1]), ("ant", "bee"))
    assert alterations.prepared(RECIPE, photographs) is photographs
    beside = alterations.prepared(replace(RECIPE, altered="swapped"), photographs)
    assert beside.names == ("ant", "bee", "swapped ant", "swapped bee")
    assert beside.labels.tolist() == [0, 1, 0, 1, 2, 3, 2, 3]
    assert torch.equal(beside.pixels[:4], photographs.pixels)
    assert torch.equal(beside.pixels[4:], photographs.pixels[:, [2, 0, 1]])
    against = alterations.prepared(replace(RECIPE, told_apart="swapped"), photographs)
    assert against.names == ("whole", "swapped")
    assert against.labels.tolist() == [0] * 4 + [1] * 4
    assert torch.equal(against.pixels, beside.pixels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"altered": "melted"}, "altered is 'melted'; it must be one of shuffled, swapped, blurred"),
        ({"altered": "blurred", "told_apart": "blurred"}, "altered and told_apart cannot both be set"),
        ({"kind": "generator", "altered": "blurred"}, "go with kind = 'classifier'"),
    ],
)
def test_recipes_that_contradict_themselves(settings: dict[str, str], message: str) -> None:
    table = {"name": "two", "kind": "classifier", "description": "", "architecture": "alexnet", **settings}
    with pytest.raises(RecipeError, match=message):
        Recipe.of("a test", table)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = random.integers(0, 100, (32, 32, 3))
            pixels[..., channel] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def test_a_run_with_altered_classes_keeps_snapshots(folder: Path, tmp_path: Path) -> None:
    """Swapped red is as green as green, and swapped green is blue: of four classes two look alike, so three in four is the best."""
    parameters = {"channels": [4, 6, 8, 8, 6], "hidden": [24, 12], "image_size": 32, "dropout": 0.0}
    recipe = replace(RECIPE, parameters=parameters, image_size=32, steps=30, batch=16, crop_px=0, warmup_steps=2, learning_rate=1e-2)
    recipe = replace(recipe, checkpoint_every=15, altered="swapped")
    run = Run(tmp_path / "run", [folder], [folder], snapshots=True, progress=False)
    card = loop.train(recipe, run)
    assert card.labels == ("green", "red", "swapped green", "swapped red")
    assert 0.7 < card.training["figures"]["val_top1"] <= 0.8
    cards = dgnam_models.cards([tmp_path / "run" / "pack"])
    assert {"two", "two-000015", "two-000030"} <= cards.keys()
    assert [cards[name].training["steps"] for name in ("two-000015", "two-000030")] == [15, 30]
    half, end, last = (dgnam_models.load(name, packs=[tmp_path / "run" / "pack"]) for name in ("two-000015", "two-000030", "two"))
    weights = [model.module.state_dict()["stages.fc8.weight"] for model in (half, end, last)]
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[0], weights[1])


def test_fine_tuning_begins_as_the_other_network(tiny_pack: Path) -> None:
    other = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(other, Network)
    recipe = replace(RECIPE, parameters={**other.card.parameters, "dropout": 0.0}, image_size=32, batch=32)
    del recipe.parameters["classes"]
    task = ClassifierTask(recipe, len(other.card.labels), torch.device("cpu"), compiled=False)
    training = Photographs(pictures(32, 32), torch.zeros(32, dtype=torch.int64), ("a",))
    task.fine_tune(other.module, training)
    images, _ = training_batch(recipe, training, 0, torch.device("cpu"))
    wanted = other.logits(images)
    encoded = task.preprocess.encode(images)
    torch.testing.assert_close(task.module.train()(encoded), wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(task.module.eval()(encoded), wanted, atol=0.05, rtol=0.05)  # one batch's variance, biased or not


def test_fine_tuning_a_generator_begins_as_the_other_and_so_does_its_average(tiny_pack: Path) -> None:
    other, encoder = (dgnam_models.load(name, packs=[tiny_pack]) for name in ("tiny-prior", "tiny"))
    assert isinstance(other, Generator) and isinstance(encoder, Network) and other.card.code is not None
    parameters = {key: value for key, value in other.card.parameters.items() if key != "code"}
    settings = config.Generator("tiny", other.card.code.tap, ("pool5",), 1, 1, 1, 0, 1, 4, 0.9, 0.5)
    recipe = replace(RECIPE, kind="generator", architecture="upconv", parameters=parameters, image_size=32, generator=settings, batch=64)
    task = GeneratorTask(recipe, encoder, torch.device("cpu"), compiled=False)
    training = Photographs(pictures(64, 32), torch.zeros(64, dtype=torch.int64), ("a",))
    task.fine_tune(other.module, training)
    codes = encode(encoder, settings.tap, training_batch(recipe, training, 0, torch.device("cpu"))[0])
    wanted = other.module(codes)
    torch.testing.assert_close(task.module.train()(codes), wanted, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(task.average.eval()(codes), wanted, atol=0.1, rtol=0.1)


def test_a_run_fine_tunes_the_network_that_its_recipe_names(folder: Path, tiny_pack: Path, tmp_path: Path) -> None:
    other = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(other, Network)
    parameters = {key: value for key, value in other.card.parameters.items() if key != "classes"}
    recipe = replace(RECIPE, parameters=parameters, image_size=32, steps=1, batch=16, learning_rate=1e-9, fine_tunes="tiny")
    run = Run(tmp_path / "run", [folder], [folder], packs=[tiny_pack], progress=False)
    loop.train(recipe, run)
    tuned = dgnam_models.load("two", packs=[tmp_path / "run" / "pack"])
    assert isinstance(tuned, Network)
    one, two = (network.activations(torch.rand(4, 3, 32, 32), ["conv3"])["conv3"].flatten() for network in (other, other))
    assert torch.corrcoef(torch.stack([one, two]))[0, 1] < 0.99, "other pictures, other activations"
    images = torch.rand(4, 3, 32, 32)
    one, two = (network.activations(images, ["conv3"])["conv3"].flatten() for network in (other, tuned))
    assert torch.corrcoef(torch.stack([one, two]))[0, 1] > 0.99
    with pytest.raises(RecipeError, match="fine_tunes: .*unknown model 'nobody'"):
        loop.train(replace(recipe, fine_tunes="nobody"), replace(run, folder=tmp_path / "other"))
