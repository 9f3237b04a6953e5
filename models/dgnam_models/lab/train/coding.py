"""How photographs and their codes get on disk: computed once for a run, and continued where a stop left them.

Rules of this file: files only ever grow. index.json counts the photographs that are whole and on the disk; what lies beyond is cut off
before more are added.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from dgnam_models.card import whole
from dgnam_models.errors import DataError
from dgnam_models.lab.train.coded import Array, CodedPhotographs, open_pools
from dgnam_models.network import Network
from dgnam_models.pack_writer import flush
from dgnam_models.photographs import Entry, as_float, square
from dgnam_models.preprocess import resize

CHUNK = 64  # photographs at a time; a stop costs no more


@dataclass(frozen=True)
class Coder:
    """How a photograph is stored."""

    encoder: Network
    tap: str
    size: int  # of the picture, in pixels

    @property
    def seen(self) -> int:
        """Height and width of what the encoder sees of it."""
        return self.encoder.input_size[0]

    @property
    def units(self) -> int:
        """Of a code."""
        return math.prod(next(tap.shape for tap in self.encoder.card.taps if tap.name == self.tap))

    def key(self, photographs: Sequence[Entry]) -> dict[str, Any]:
        """What tells this set from others."""
        names = hashlib.sha256("\n".join(f"{folder}/{name}" for folder, name, _ in photographs).encode())
        encoder = {"encoder": self.encoder.card.sha256, "tap": self.tap, "seen": self.seen}
        return {**encoder, "size": self.size, "photographs": len(photographs), "names": names.hexdigest()}

    def decode(self, photograph: Entry) -> Image.Image:
        """Its middle, no larger than the encoder or the picture needs it."""
        return square(photograph, max(self.size, self.seen), enlarge=False)

    def pixels(self, picture: Image.Image) -> Array:
        """(S, S, 3) uint8, S the size of pictures, or half of it where the photograph has less."""
        side = self.size if picture.width >= self.size else self.size // 2
        return np.asarray(picture if picture.width == side else picture.resize((side, side), Image.Resampling.LANCZOS))

    @torch.no_grad()
    def codes(self, pictures: Sequence[Image.Image]) -> Array:
        """(N, 2, D) float16, of each and of its mirror image."""
        device, seen = self.encoder.preprocess.mean.device, (self.seen, self.seen)
        tensors = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] for picture in pictures)
        image = torch.cat([resize(as_float(pixels), seen) for pixels in tensors]).to(device)
        found = [self.encoder.activations(side, [self.tap])[self.tap].flatten(1) for side in (image, image.flip(3))]
        codes: Array = torch.stack(found, 1).half().cpu().numpy()
        return codes


def prepare(photographs: Sequence[Entry], folder: Path, coder: Coder, progress: bool = True) -> CodedPhotographs:
    """Store what of `photographs` is not yet in `folder`, and map all of it into memory.

    Raises:
        DataError: a photograph cannot be read, or the folder holds others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = coder.key(photographs)
    counts = _begun(folder, key, coder.units)
    bar = tqdm(desc=f"codes of {folder.name}", total=len(photographs), initial=counts.total(), disable=not progress, leave=False)
    with bar, ThreadPoolExecutor() as threads:
        for start in range(counts.total(), len(photographs), CHUNK):
            pictures = list(threads.map(coder.decode, photographs[start : start + CHUNK]))
            counts += _append(folder, [coder.pixels(picture) for picture in pictures], coder.codes(pictures))
            _record(folder / "index.json", {"key": key, "counts": counts})
            bar.update(len(pictures))
    return CodedPhotographs(coder.size, open_pools(folder, counts, coder.units))


def _begun(folder: Path, key: dict[str, Any], units: int) -> "Counter[int]":
    """How many photographs of each size are stored; the files are cut back to them."""
    index = folder / "index.json"
    held = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {"key": key, "counts": {}}
    if held["key"] != key:
        raise DataError(f"{folder} holds other photographs, or codes of another encoder; choose a new --run-dir")
    counts = Counter({int(size): count for size, count in held["counts"].items()})
    for path in folder.glob("*.pixels"):
        size = int(path.stem)
        for file, row in ((path, size * size * 3), (path.with_suffix(".codes"), 2 * units * np.float16().nbytes)):
            with file.open("ab") as stream:
                stream.truncate(counts[size] * row)
    return counts


def _append(folder: Path, pixels: Sequence[Array], codes: Array) -> "Counter[int]":
    """Add photographs to the files of their sizes, and wait until they are on the disk; how many of each size."""
    for picture, code in zip(pixels, codes, strict=True):
        for kind, row in (("pixels", picture), ("codes", code)):
            with (folder / f"{len(picture)}.{kind}").open("ab") as stream:
                stream.write(row.tobytes())
    counts = Counter(len(picture) for picture in pixels)
    for size in counts:
        for kind in ("pixels", "codes"):
            flush(folder / f"{size}.{kind}")
    return counts


def _record(index: Path, held: dict[str, Any]) -> None:
    with whole(index) as temporary:
        temporary.write_text(json.dumps(held), encoding="utf-8")
