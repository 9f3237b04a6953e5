"""Checkpoints: written beside and moved into place, so that a kill at any moment leaves the old one or the new one, never half."""

import os
from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts of tensors and numbers to `path`, atomically."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def load(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What `save` wrote, or None if there is nothing yet. Only tensors and plain values are accepted, never code."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
