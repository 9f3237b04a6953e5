"""Photographs beside their codes, on disk and mapped into memory.

FOLDER/index.json    what they are, and how many of each size there are
FOLDER/64.pixels     (N, 64, 64, 3) uint8 RGB, one photograph after another; 32.pixels has those that are too small for 64
FOLDER/64.codes      (N, 2, D) float16, of the photograph and of its mirror image
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgnam_models.photographs import as_float
from dgnam_models.preprocess import resize

Array = np.ndarray[Any, np.dtype[Any]]


class Batch(NamedTuple):
    """Some photographs with their codes."""

    images: Tensor  # (B, 3, S, S) float32 in [0, 1], channels last
    codes: Tensor  # (B, D) float32
    coarse: Tensor  # (B,) bool: it is an enlargement of half the size


@dataclass(frozen=True)
class Pool:
    """Photographs of one size."""

    pixels: Array  # (N, S, S, 3) uint8
    codes: Array  # (N, 2, D) float16


@dataclass(frozen=True)
class CodedPhotographs:
    """Photographs of `size` pixels, and then those of half of it."""

    size: int
    pools: tuple[Pool, ...]

    def __len__(self) -> int:
        return sum(len(pool.pixels) for pool in self.pools)

    @property
    def full_size(self) -> int:
        """How many are of `size` pixels; they are the first."""
        return sum(len(pool.pixels) for pool in self.pools if pool.pixels.shape[1] == self.size)

    @property
    def units(self) -> int:
        """Of a code."""
        return int(self.pools[0].codes.shape[2])

    def take(self, index: Tensor, mirrored: Tensor) -> Batch:
        """The photographs at `index` (B,), those of `mirrored` (B,) bool from right to left, with the codes of what they show then."""
        images = torch.empty(len(index), 3, self.size, self.size).contiguous(memory_format=torch.channels_last)
        coarse = torch.zeros(len(index), dtype=torch.bool)
        for pool, here, rows in self._places(index):
            image = as_float(torch.from_numpy(pool.pixels[rows]).permute(0, 3, 1, 2))
            image = torch.where(mirrored[here, None, None, None], image.flip(3), image)
            images[here] = resize(image, (self.size, self.size))
            coarse[here] = pool.pixels.shape[1] < self.size
        return Batch(images, self.codes(index, mirrored), coarse)

    def codes(self, index: Tensor, mirrored: Tensor) -> Tensor:
        """Only their codes, (B, D) float32."""
        codes = torch.empty(len(index), self.units)
        for pool, here, rows in self._places(index):
            codes[here] = torch.from_numpy(pool.codes[rows, mirrored[here].long().numpy()]).float()
        return codes

    def _places(self, index: Tensor) -> Iterator[tuple[Pool, Tensor, Array]]:
        """For each pool: which of `index` are in it, and their rows there."""
        start = 0
        for pool in self.pools:
            here = ((index >= start) & (index < start + len(pool.pixels))).nonzero()[:, 0]
            yield pool, here, (index[here] - start).numpy()
            start += len(pool.pixels)

    def spread(self, count: int) -> Tensor:
        """The indices (N',) of up to `count` photographs, evenly spread."""
        return torch.linspace(0, len(self) - 1, min(count, len(self))).long()


def open_pools(folder: Path, counts: Mapping[int, int], units: int) -> tuple[Pool, ...]:
    """Map what is in `folder` into memory, the largest photographs first.

    Args:
        counts: how many photographs there are, by their size.
        units: of a code.
    """

    def pool(size: int, count: int) -> Pool:
        pixels = np.memmap(folder / f"{size}.pixels", np.uint8, "r", shape=(count, size, size, 3))
        return Pool(pixels, np.memmap(folder / f"{size}.codes", np.float16, "r", shape=(count, 2, units)))

    return tuple(pool(size, count) for size, count in sorted(counts.items(), reverse=True) if count)
