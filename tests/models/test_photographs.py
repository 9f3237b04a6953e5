"""Photographs: folders and zips read alike, and what cannot be read is refused by name."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models import photographs
from dgnam_models.errors import DataError
from dgnam_models.photographs import Photographs
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
    plain, zipped = (photographs.read([source], 16, progress=False) for source in (folder, archive))
    assert plain.names == zipped.names == ("ant", "red fox", "bee")
    assert plain.pixels.shape == (12, 3, 16, 16)
    assert plain.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert torch.equal(plain.pixels, zipped.pixels)
    assert torch.equal(plain.labels, zipped.labels)


def test_what_cannot_be_used_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is neither a folder nor a zip"):
        photographs.read([tmp_path / "nowhere"], 16, progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images in class folders under .*empty"):
        photographs.read([tmp_path / "empty"], 16, progress=False)
    (folder / "ant" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(DataError, match="cannot read ant/2.png"):
        photographs.read([folder], 16, progress=False)


def test_every_kind_of_picture_looks_as_it_does_elsewhere(tmp_path: Path) -> None:
    """16 bits are scaled and not clipped, what is transparent is white, and a camera held on its side makes no difference."""
    folder = tmp_path / "photos" / "any"
    folder.mkdir(parents=True)
    ramp = np.linspace(0, 65535, 16 * 16).reshape(16, 16)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(ramp.astype(np.uint16)).save(folder / "0.png")
    Image.fromarray((ramp / 257).round().astype(np.uint8)).save(folder / "1.png")
    Image.fromarray((ramp[::-1, ::-1] / 257).round().astype(np.uint8)).save(folder / "2.png", exif=exif)
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(folder / "3.png")
    sixteen, eight, turned, clear = photographs.read([tmp_path / "photos"], 16, progress=False).pixels
    assert torch.equal(sixteen, eight) and torch.equal(turned, eight) and bool((clear == 255).all())
    assert len(eight.unique()) > 200


def test_split_holds_out_every_nth_without_overlap() -> None:
    everything = Photographs(torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1), torch.zeros(40, dtype=torch.int64), ("a",))
    rest, held = everything.split(every=10)
    assert (len(rest), len(held)) == (36, 4)
    assert sorted([*rest.pixels.flatten().tolist(), *held.pixels.flatten().tolist()]) == list(range(40))


def test_batches_are_all_photographs_in_order() -> None:
    pixels = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8)
    parts = list(photographs.batches(Photographs(pixels, torch.arange(5), ("a",) * 5), torch.device("cpu"), size=2))
    assert [len(images) for images, _ in parts] == [2, 2, 1]
    assert torch.equal(torch.cat([images for images, _ in parts]), pixels.float() / 255)
    assert torch.cat([labels for _, labels in parts]).tolist() == [0, 1, 2, 3, 4]
