"""Patch sets: what small pieces of photographs look like, and which of them is nearest to a piece of a picture.

`dgnam-models patches` cuts a set from photographs and writes it into a pack. No set is bundled: its patches are pieces of the photographs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import unfold

from dgnam_models import photographs
from dgnam_models.card import whole

SIDE_PX = 8
COUNT = 20_000  # patches of a set
FILE = Path("patches") / "photographs.safetensors"
_CALM = 0.1  # added to a patch's contrast, so that a flat one is not blown up to noise


class PatchSet:
    """Normalized patches of photographs with an index of them (Pan et al. 2017, section 2.3)."""

    def __init__(self, patches: Tensor) -> None:
        """Args: patches: (N, 3 * SIDE_PX * SIDE_PX) float32, normalized."""
        import faiss  # here, because it takes a moment and few servers have a patch set

        self._patches = patches
        cells = max(1, round(len(patches) ** 0.5))
        self._index: Any = faiss.index_factory(patches.shape[1], f"IVF{cells},Flat")
        self._index.train(patches.numpy())
        self._index.add(patches.numpy())
        faiss.ParameterSpace().set_index_parameter(self._index, "nprobe", 4)

    @classmethod
    def load(cls, path: Path) -> "PatchSet":
        """Read what `build` wrote."""
        return cls(load_file(path)["patches"].float())

    def __len__(self) -> int:
        return len(self._patches)

    def nearest(self, patches: Tensor) -> Tensor:
        """The nearest of the set for each of patches (..., D): of the same shape, device and type."""
        queries = patches.detach().reshape(-1, patches.shape[-1]).float().cpu().numpy()
        _, found = self._index.search(np.ascontiguousarray(queries), 1)
        return self._patches[torch.from_numpy(found[:, 0])].view(patches.shape).to(patches)


def cut(image: Tensor, stride: int = SIDE_PX // 2) -> Tensor:
    """Image (B, 3, H, W) -> all its patches every `stride` pixels, (B, P, 3 * SIDE_PX * SIDE_PX)."""
    return unfold(image, SIDE_PX, stride=stride).transpose(1, 2)


def normalized(patches: Tensor) -> Tensor:
    """`(x - mean(x)) / (std(x) + 0.1)` of each patch (..., D): brightness and contrast go, colour contrast stays."""
    centred = patches - patches.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-8).sqrt().add(_CALM)


def build(pixels: Tensor, count: int, seed: int = 0) -> Tensor:
    """`count` patches from random places of random photographs, (count, D) normalized.

    Args:
        pixels: (N, 3, S, S) uint8.
        seed: the source of all that is random.
    """
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(len(pixels), (count,), generator=generator)
    down, across = torch.randint(pixels.shape[2] - SIDE_PX + 1, (2, count), generator=generator)
    reach = torch.arange(SIDE_PX)
    rows, columns = down[:, None, None] + reach[:, None], across[:, None, None] + reach
    patches = pixels.permute(0, 2, 3, 1)[which[:, None, None], rows, columns]  # (count, 8, 8, 3)
    return normalized(patches.permute(0, 3, 1, 2).flatten(1).float() / 255)


def write(sources: Sequence[Path], pack: Path, count: int = COUNT, seed: int = 0) -> str:
    """Cut `count` patches from the photographs in `sources` and write them into `pack`; what was written, in a line.

    Raises:
        DataError: there are no photographs, or they cannot be read.
    """
    found = photographs.read(sources, 64, limit=5000)
    path = pack / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        save_file({"patches": build(found.pixels, count, seed).half()}, temporary)
    return f"{path}  {count} patches of {len(found)} photographs"
