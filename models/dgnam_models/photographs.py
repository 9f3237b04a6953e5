"""Photographs: a folder of class folders, or zips of that layout, decoded once into memory as uint8."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from dgnam_models.errors import DataError
from dgnam_models.rgb import rgb

Reader = Callable[[], bytes]
Entry = tuple[str, str, Reader]  # class folder, file name, a function that reads the file
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Photographs:
    """`pixels` (N, 3, S, S) uint8 RGB, `labels` (N,) int64, `names`: one per class."""

    pixels: Tensor
    labels: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def split(self, every: int, seed: int = 0) -> tuple["Photographs", "Photographs"]:
        """Hold out one image in `every`: (the rest, the held out), the same for the same seed."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        held = order[: len(self) // every].sort().values
        rest = order[len(self) // every :].sort().values
        return self.take(rest), self.take(held)

    def take(self, index: Tensor) -> "Photographs":
        """The images at `index` (N',)."""
        return Photographs(self.pixels[index], self.labels[index], self.names)


@dataclass(frozen=True)
class Files:
    """N photographs on disk, scaled and centre-cropped to `size` when they are taken; labels and names as `Photographs` has them."""

    entries: Sequence[Entry]
    size: int
    labels: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def take(self, index: Tensor, progress: bool = False) -> Photographs:
        """Those at `index` (N',), decoded.

        Raises:
            DataError: one cannot be read.
        """
        pixels = torch.empty(len(index), 3, self.size, self.size, dtype=torch.uint8)

        def decode(place: int) -> None:
            picture = square(self.entries[int(index[place])], self.size)
            pixels[place] = torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy())

        with ThreadPoolExecutor() as pool:
            for _ in tqdm(pool.map(decode, range(len(index))), "photographs", len(index), disable=not progress, leave=False):
                pass
        return Photographs(pixels, self.labels[index], self.names)


def read(sources: Sequence[Path], size: int, limit: int | None = None, progress: bool = True) -> Photographs:
    """Decode every image of `sources` (folders of class folders, or such zips), scaled and centre-cropped to `size`.

    Classes and `limit` are those of `files`.

    Raises:
        DataError: a source is missing, holds no images, or holds an unreadable one.
    """
    found = files(sources, size, limit)
    return found.take(torch.arange(len(found)), progress)


def files(sources: Sequence[Path], size: int, limit: int | None = None) -> Files:
    """The images of `sources`, not decoded yet.

    Classes are the sorted folder names over all sources; a WordNet id before the name (`n07749582_lemon`) is dropped and
    underscores become spaces. `limit` keeps about so many images, evenly spread, for trials.

    Raises:
        DataError: a source is missing, or there are no images.
    """
    found = entries(sources, limit)
    folders = sorted({folder for folder, _, _ in found})
    index = {folder: i for i, folder in enumerate(folders)}
    labels = torch.tensor([index[folder] for folder, _, _ in found])
    return Files(found, size, labels, tuple(label(folder) for folder in folders))


def entries(sources: Sequence[Path], limit: int | None = None) -> list[Entry]:
    """The images of `sources`, in sorted order within each; about `limit` of them, evenly spread.

    Raises:
        DataError: a source is missing, or there are no images.
    """
    found = [entry for source in sources for entry in _entries(source)]
    if limit is not None:
        found = found[:: max(1, len(found) // limit)]
    if not found:
        raise DataError(f"no images in class folders under {', '.join(map(str, sources))}")
    return found


def square(entry: Entry, size: int, enlarge: bool = True) -> Image.Image:
    """The middle of an image, RGB, `size` pixels high and wide; without `enlarge`, of a smaller one as much as its shorter side has.

    Raises:
        DataError: it cannot be read.
    """
    folder, name, read = entry
    try:
        with Image.open(io.BytesIO(read())) as picture:
            side = size if enlarge else min(size, *picture.size)
            fitted = rgb(picture)
            return fitted if fitted.size == (side, side) else ImageOps.fit(fitted, (side, side), Image.Resampling.LANCZOS)
    except OSError as error:
        raise DataError(f"cannot read {folder}/{name}: {error}") from error


def label(folder: str) -> str:
    """`n07749582_lemon` -> `lemon`, `n04146614_school_bus` -> `school bus`."""
    return re.sub(r"^n\d{8}_", "", folder).replace("_", " ")


def batches(photographs: Photographs, device: torch.device, size: int = 256) -> Iterator[tuple[Tensor, Tensor]]:
    """All photographs in order, not augmented: images (B, 3, S, S) in [0, 1] and labels (B,), at most `size` at a time."""
    for pixels, labels in zip(photographs.pixels.split(size), photographs.labels.split(size), strict=True):
        yield as_float(pixels).to(device), labels.to(device)


def as_float(pixels: Tensor) -> Tensor:
    """(B, 3, S, S) uint8 -> float32 in [0, 1], channels last, not augmented."""
    return pixels.float().div_(255).contiguous(memory_format=torch.channels_last)


def _entries(source: Path) -> Iterator[Entry]:
    if source.is_dir():
        for path in sorted(source.glob("*/*")):
            if path.suffix.lower() in SUFFIXES:
                yield path.parent.name, path.name, path.read_bytes
    elif zipfile.is_zipfile(source):
        archive = zipfile.ZipFile(source)
        for name in sorted(archive.namelist()):
            parts = name.split("/")
            if len(parts) >= 2 and name.lower().endswith(SUFFIXES):
                yield parts[-2], parts[-1], lambda name=name: archive.read(name)  # type: ignore[misc]
    else:
        raise DataError(f"{source} is neither a folder nor a zip")
