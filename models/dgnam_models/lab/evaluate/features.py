"""What networks make of many photographs: computed once, kept on disk, read from there by memory map.

A network's features of 85,000 photographs take a processor the better part of an hour, and they depend on nothing but network and
photographs. So each space has a file, named by a digest of both, that a stopped run continues.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from dgnam_models.photographs import Files, as_float

BATCH = 64
Table = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Space:
    """A space in which pictures lie near or far: `rows` maps images (B, 3, H, W) in [0, 1] to (B, width).

    `digest` tells it from other spaces: two of one digest have the same rows.
    """

    width: int
    digest: str
    rows: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class _Column:
    """A space's file of half-precision rows, and beside it, as text, how many are there."""

    path: Path
    space: Space
    rows: int

    @property
    def done(self) -> int:
        """How many rows an earlier run has left."""
        counted = self.path.with_suffix(".rows")
        return int(counted.read_text()) if counted.exists() and self.path.exists() else 0

    def table(self) -> Table:
        """The rows, writable."""
        mode = "r+" if self.path.exists() else "w+"
        return np.memmap(self.path, np.float16, mode, shape=(self.rows, self.space.width))  # type: ignore[call-overload, no-any-return]

    def count(self, done: int) -> None:
        """Say that the first `done` rows are there."""
        part = self.path.with_suffix(".part")
        part.write_text(str(done))
        part.replace(self.path.with_suffix(".rows"))


def tables(files: Files, spaces: Mapping[str, Space], folder: Path, device: torch.device, what: str) -> dict[str, Table]:
    """The rows (N, width) of all photographs in each space, in one pass over those that are not in `folder` yet.

    Features are kept in half precision: their rounding, 0.05 %, is far below what tells pictures apart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    of_files = digest(files)
    columns = {}
    for name, space in spaces.items():
        stem = hashlib.sha256(f"{of_files} {space.digest}".encode()).hexdigest()[:16]
        columns[name] = _Column(folder / f"{stem}.f16", space, len(files))
    done = {name: column.done for name, column in columns.items()}
    found = {name: column.table() for name, column in columns.items()}
    with tqdm(total=len(files), initial=min(done.values()), desc=what, disable=None, leave=False) as bar:
        for start in range(min(done.values()), len(files), BATCH):
            index = torch.arange(start, min(start + BATCH, len(files)))
            images = as_float(files.take(index).pixels).to(device)
            for name in [name for name, there in done.items() if there < start + len(index)]:
                found[name][start : start + len(index)] = columns[name].space.rows(images).half().cpu().numpy()
                columns[name].count(start + len(index))
            bar.update(len(index))
    return found


def chunks(tables: Mapping[str, Table], rows: int = 4096) -> Iterator[dict[str, Tensor]]:
    """The tables piece by piece, (B, width) float32 of each."""
    total = len(next(iter(tables.values())))
    for start in range(0, total, rows):
        yield {name: torch.from_numpy(np.asarray(table[start : start + rows], np.float32)) for name, table in tables.items()}


def digest(files: Files) -> str:
    """A digest of the photographs: names and contents, in order, and the size at which they are read."""
    found = hashlib.sha256(str(files.size).encode())
    for folder, name, read in files.entries:
        for part in (folder.encode(), name.encode(), read()):
            found.update(hashlib.sha256(part).digest())
    return found.hexdigest()
