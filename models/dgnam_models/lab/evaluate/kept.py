"""Pictures that were drawn, kept as PNG files beside the report: a stopped `evaluate` goes on where it was, and nothing is drawn twice.

Pictures of one way to draw are in one folder, whose name ends with a digest of all that decides how they look.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def folder(within: Path, name: str, request: Mapping[str, Any]) -> Path:
    """Where the pictures of the contestant `name` are kept if it draws as `request` says; made, with `request.json` in it."""
    text = json.dumps(request, indent=1, sort_keys=True, default=str)
    found = within / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    found.mkdir(parents=True, exist_ok=True)
    (found / "request.json").write_text(text + "\n", encoding="utf-8")
    return found


def path(folder: Path, unit: int, seed: int) -> Path:
    """The file of a unit's picture from one seed."""
    return folder / f"{unit}-seed{seed}.png"


def keep(file: Path, image: Tensor) -> None:
    """Write an image (3, H, W) uint8, whole or not at all."""
    part = file.with_suffix(".part")
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(part, "PNG")
    part.replace(file)


def read(file: Path) -> Tensor:
    """An image as it was kept: (3, H, W) uint8."""
    with Image.open(file) as image:
        return torch.from_numpy(np.asarray(image.convert("RGB")).transpose(2, 0, 1).copy())
