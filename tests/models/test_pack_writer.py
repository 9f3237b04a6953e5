"""A stop at any moment of writing leaves the old model, the new one or none; never a card beside weights it does not describe."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dgnam_models
import pytest
from dgnam_models import ModelCard, pack
from safetensors.torch import load_file

STEPS = 4  # the staged card, the old card's end, the weights, the card


@pytest.fixture
def writer(tiny_pack: Path, tmp_path: Path) -> Callable[[str], ModelCard]:
    """Writes a model `tiny` of the description that it is given, and of other weights than every one before."""
    card, state = dgnam_models.cards([tiny_pack])["tiny"], load_file(tiny_pack / "weights" / "tiny.safetensors")

    def write(description: str) -> ModelCard:
        for value in state.values():
            value.mul_(0.5)
        return pack.write(tmp_path, replace(card, description=description), state, over=True)

    return write


class Stopped(BaseException):
    """As a signal stops a program: nothing catches it."""


def stop_at(step: int, after: bool, patch: pytest.MonkeyPatch) -> None:
    """Stop before or after the `step`-th time that a file of the pack is moved or removed."""
    count = 0
    real_replace, real_unlink = os.replace, Path.unlink

    def counted(act: Any, *arguments: Any, **options: Any) -> None:
        nonlocal count
        count += 1
        if count == step and not after:
            raise Stopped
        act(*arguments, **options)
        if count == step:
            raise Stopped

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".toml":
            counted(real_unlink, path, missing_ok=missing_ok)
        else:
            real_unlink(path, missing_ok=missing_ok)

    patch.setattr(os, "replace", lambda *arguments: counted(real_replace, *arguments))
    patch.setattr(Path, "unlink", unlink)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_stopped_at_every_step(step: int, after: bool, writer: Callable[[str], ModelCard], tmp_path: Path) -> None:
    writer("the old one")
    with pytest.MonkeyPatch.context() as patch:
        stop_at(step, after, patch)
        with pytest.raises(Stopped):
            writer("the new one")
    there = {path.stem for path in (tmp_path / "cards").glob("*.toml")}
    if there:
        model = dgnam_models.load("tiny", packs=[tmp_path])  # which compares the card's digest with the weights
        assert model.card.description == ("the new one" if step == STEPS and after else "the old one")
    assert bool(there) == (step == 1 or (step == 2 and not after) or (step == STEPS and after))
    written = writer("the new one")
    assert dgnam_models.load("tiny", packs=[tmp_path]).card == written
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["tiny.safetensors", "tiny.toml"]


def test_a_disk_that_is_full_leaves_the_old_model(
    writer: Callable[[str], ModelCard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it is the card, the last file written, that does not fit."""
    writer("the old one")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(ModelCard, "write", full)
    with pytest.raises(OSError, match="no space left"):
        writer("the new one")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
