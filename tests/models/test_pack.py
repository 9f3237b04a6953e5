"""Packs are written whole or not at all."""

from dataclasses import replace
from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import CardError, ModelCard, Network, pack
from dgnam_models.card import Preprocessing, Tap, whole
from torch import nn

CARD = ModelCard(
    name="net",
    role="classifier",
    description="a net",
    licence="none",
    format="safetensors",
    file="",
    sha256="",
    architecture="alexnet",
    parameters={"classes": 2, "channels": [2, 2, 2, 2, 2], "hidden": [4, 4], "image_size": 32},
    preprocessing=Preprocessing((32, 32)),
    taps=(Tap("fc8", (2,)),),
    output_tap="fc8",
)


def weights() -> dict[str, torch.Tensor]:
    return dgnam_models.nets.build(CARD.architecture, CARD.parameters).state_dict()


def test_what_is_written_loads(tmp_path: Path) -> None:
    written = pack.write(tmp_path, CARD, weights())
    assert written.file == "net.safetensors"
    assert dgnam_models.load("net", packs=[tmp_path]).card == written
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["net.safetensors", "net.toml"]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a:b", "a+b", "..", "a@b", "a*b"])
def test_names_that_would_not_work_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be a model's name"):
        pack.write(tmp_path, replace(CARD, name=name), weights())


def test_a_failure_while_writing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack.write(tmp_path, CARD, weights())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def fail(_tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(pack, "save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        pack.write(tmp_path, CARD, weights(), over=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_whole_removes_its_temporary_file(tmp_path: Path) -> None:
    def fail() -> None:
        with whole(tmp_path / "file") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())


def test_problems_are_what_the_card_does_not_say() -> None:
    module = dgnam_models.nets.build(CARD.architecture, CARD.parameters).eval()
    assert pack.problems(Network(CARD, module)) == []
    assert pack.problems(Network(replace(CARD, taps=(Tap("fc8", (3,)),)), module)) == ["fc8 has shape (2,), its card says (3,)"]
    nn.init.constant_(module.stages.fc8.bias, float("nan"))
    assert pack.problems(Network(CARD, module)) == ["fc8 has values that are not finite"]
