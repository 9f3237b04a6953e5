"""What a run leaves to be read and looked at: figures, as lines of JSON and of text, and sheets of pictures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image


class Means:
    """Figures of several steps, read as one: those of single batches jump about."""

    def __init__(self) -> None:
        self._seen: dict[str, list[torch.Tensor]] = {}

    def add(self, figures: Mapping[str, torch.Tensor]) -> None:
        """Take in a step's figures, each of shape (); nothing waits for the device."""
        for name, value in figures.items():
            self._seen.setdefault(name, []).append(value)

    def read(self) -> dict[str, float]:
        """The means since the last reading."""
        means = {name: torch.stack(values).mean().item() for name, values in self._seen.items()}
        self._seen = {}
        return means


def append(folder: Path, record: dict[str, Any]) -> None:
    """Add a line of figures to log.jsonl and to log.txt."""
    rounded = {name: round(value, 5) if isinstance(value, float) else value for name, value in record.items()}
    for name, line in (("log.jsonl", json.dumps(rounded)), ("log.txt", _text(rounded))):
        with (folder / name).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def forget_after(folder: Path, step: int) -> None:
    """Drop log lines written after the checkpoint: those steps are about to run again."""
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    kept = [line for line in lines if json.loads(line)["step"] < step]
    log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    (folder / "log.txt").write_text("".join(_text(json.loads(line)) + "\n" for line in kept), encoding="utf-8")


def _text(record: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}" for name, value in record.items())


def save_grid(images: torch.Tensor, path: Path, columns: int = 8) -> None:
    """Write images (N, 3, S, S) in [0, 1] as one PNG, `columns` to a row."""
    size = images.shape[-1]
    rows = -(-len(images) // columns)
    sheet = torch.ones(3, rows * size, columns * size)
    for i, image in enumerate(images.cpu()):
        y, x = divmod(i, columns)
        sheet[:, y * size : (y + 1) * size, x * size : (x + 1) * size] = image
    Image.fromarray((sheet * 255).round().byte().permute(1, 2, 0).numpy()).save(path)
