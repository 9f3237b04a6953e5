"""Copies of training images, among pictures that are none."""

from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import Generator, Network, photographs
from dgnam_models.lab.evaluate import memorization
from dgnam_models.lab.evaluate.material import Models
from dgnam_models.lab.evaluate.metrics import Neighbours
from dgnam_models.photographs import Files, Photographs
from PIL import Image
from tiny_models import LABELS, SIZE

CPU = torch.device("cpu")


def noise(labels: list[int], seed: int) -> Photographs:
    pixels = torch.randint(0, 256, (len(labels), 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Photographs(pixels, torch.tensor(labels), LABELS)


@pytest.fixture(scope="module")
def models(tiny_pack: Path) -> Models:
    target, judge, prior = (dgnam_models.load(name, packs=[tiny_pack]) for name in ("tiny", "tiny-res", "tiny-prior"))
    assert isinstance(target, Network) and isinstance(judge, Network) and isinstance(prior, Generator)
    return Models(target, (target, judge), {"tiny-prior": prior}, {"tiny-prior": target})


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """100 photographs of noise on disk."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "noise").mkdir()
    for i, pixels in enumerate(noise([0] * 100, seed=1).pixels):
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / "noise" / f"{i:03}.png")
    return photographs.files([folder], SIZE)


def test_copies_are_found_in_every_space(models: Models, training: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGNAM_CACHE", str(tmp_path))
    spaces = memorization.spaces(models, (SIZE, SIZE))
    assert list(spaces) == ["pixels", "tiny", "tiny-res"]
    tables = memorization.trained_on(training, spaces, CPU)
    assert len(list((tmp_path / "features").glob("*.f16"))) == 3
    copies = Photographs(training.take(torch.tensor([99, 7])).pixels, torch.tensor([3, 5]), LABELS)
    held_out = noise([3, 3, 5, 5], seed=2)
    found = memorization.nearest({"copies": copies, "": held_out}, spaces, tables, CPU)
    for space in spaces:
        assert found["copies", space].indices.tolist() == [99, 7]
        assert float((found["copies", space].distances / found["", space].distances[::2]).max()) < 0.02


def test_closeness_is_over_nearest_and_over_pairs() -> None:
    """Of class 3 a picture lies 1 from its nearest, photographs 2 and 2, pairs 4; of class 5 it is 3, then 6 and 2, and 5."""
    index = torch.zeros(4, dtype=torch.int64)
    drawn, real = Neighbours(torch.tensor([1.0, 3]), index[:2]), Neighbours(torch.tensor([2.0, 2, 6, 2]), index)
    found = memorization.closeness(drawn, noise([3, 5], 0), real, noise([3, 3, 5, 5], 0), torch.tensor([4.0, 4, 5, 5]))
    assert found["least_ratio"] == pytest.approx(1 / 2)
    assert found["median_ratio"] == pytest.approx(1 / 2), "of 1/2 and 3/4 the lower"
    assert found["over_pairs"] == pytest.approx(1 / 4)
    assert found["real_over_pairs"] == pytest.approx(1 / 2), "of 2/5, 1/2, 1/2 and 6/5 the lower middle"


def test_pairs_are_two_photographs_of_a_class() -> None:
    held_out = noise([2] * 5 + [4] * 9, 0)
    first, second = memorization.pairs(held_out)
    assert first.labels.tolist() == second.labels.tolist() == [2, 2, 4, 4], "half of the smaller class"
    assert not any(torch.equal(one, other) for one in first.pixels for other in second.pixels)
