"""Photographs: folders and zips read alike, order and augmentation depend on seed and step alone."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models.lab.train import data
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("n00000001_red_fox", "ant", "n00000002_bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(4):
            pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "photos" / "ant" / "notes.txt").write_text("not a picture")
    return tmp_path / "photos"


def test_folders_and_zips_give_the_same_photographs(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in folder.glob("*/*"):
            target.write(path, f"some/where/{path.parent.name}/{path.name}")
    plain, zipped = (data.load([source], 16, progress=False) for source in (folder, archive))
    assert plain.names == zipped.names == ("ant", "red fox", "bee")
    assert plain.pixels.shape == (12, 3, 16, 16)
    assert plain.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert torch.equal(plain.pixels, zipped.pixels)
    assert torch.equal(plain.labels, zipped.labels)


def test_what_cannot_be_used_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match="nowhere is neither a folder nor a zip"):
        data.load([tmp_path / "nowhere"], 16, progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(data.DataError, match="no images in class folders under .*empty"):
        data.load([tmp_path / "empty"], 16, progress=False)
    (folder / "ant" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(data.DataError, match="cannot read ant/2.png"):
        data.load([folder], 16, progress=False)


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    seen = torch.cat([data.batch_indices(10, 4, step, seed=3) for step in range(5)])
    first, second = seen[:10], seen[10:]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()
    assert torch.equal(data.batch_indices(10, 4, 3, seed=3), seen[12:16])
    assert not torch.equal(data.batch_indices(10, 10, 0, seed=4), first)


def test_augmentation_is_a_function_of_seed_and_step() -> None:
    pixels = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    one, again, other = (data.augment(pixels, step, 0, 3, True, 0.2) for step in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == (6, 3, 16, 16)
    assert one.dtype == torch.float32
    assert one.min() >= 0
    assert one.max() <= 1


def test_without_augmentation_the_pixels_come_through() -> None:
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(data.augment(pixels, 0, 0, 0, False, 0.0), pixels.float() / 255)


def test_crops_are_windows_of_the_padded_picture() -> None:
    pixels = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).expand(20, 3, 8, 8).contiguous()
    crops = data.augment(pixels, 0, 0, 2, False, 0.0) * 255
    padded = torch.nn.functional.pad(pixels[:1].float(), [2] * 4, mode="reflect")
    windows = {tuple(padded[0, 0, y : y + 8, x : x + 8].flatten().tolist()) for y in range(5) for x in range(5)}
    assert {tuple(crop[0].round().flatten().tolist()) for crop in crops} <= windows
    assert len({tuple(crop[0].round().flatten().tolist()) for crop in crops}) > 5


def test_split_holds_out_every_nth_without_overlap() -> None:
    photographs = data.Photographs(torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1), torch.zeros(40, dtype=torch.int64), ("a",))
    rest, held = photographs.split(every=10)
    assert (len(rest), len(held)) == (36, 4)
    assert sorted([*rest.pixels.flatten().tolist(), *held.pixels.flatten().tolist()]) == list(range(40))
