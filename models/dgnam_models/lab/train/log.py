"""What a run leaves to be read and looked at: figures, a line of JSON each, and sheets of pictures."""

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image


def append(log: Path, record: dict[str, Any]) -> None:
    """Add a line of figures."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({name: round(value, 5) if isinstance(value, float) else value for name, value in record.items()}) + "\n")


def forget_after(log: Path, step: int) -> None:
    """Drop log lines written after the checkpoint: those steps are about to run again."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    kept = [line for line in lines if json.loads(line)["step"] < step]
    log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def save_grid(images: torch.Tensor, path: Path, columns: int = 8) -> None:
    """Write images (N, 3, S, S) in [0, 1] as one PNG, `columns` to a row."""
    size = images.shape[-1]
    rows = -(-len(images) // columns)
    sheet = torch.ones(3, rows * size, columns * size)
    for i, image in enumerate(images.cpu()):
        y, x = divmod(i, columns)
        sheet[:, y * size : (y + 1) * size, x * size : (x + 1) * size] = image
    Image.fromarray((sheet * 255).round().byte().permute(1, 2, 0).numpy()).save(path)
