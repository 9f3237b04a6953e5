"""Packs are written whole or not at all."""

from dataclasses import replace
from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import CardError, Generator, Network, pack
from dgnam_models.card import Code, Tap, whole
from tiny_cards import CARD, PRIOR, prior_weights, weights
from torch import nn


def test_what_is_written_loads(tmp_path: Path) -> None:
    written = pack.write(tmp_path, CARD, weights())
    assert written.file == "net.safetensors"
    assert dgnam_models.load("net", packs=[tmp_path]).card == written
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["net.safetensors", "net.toml"]


def test_a_priors_statistics_are_in_its_weight_file_and_in_a_loaded_card(tmp_path: Path) -> None:
    more = {"code.components": torch.eye(4)[:2].half(), "code.variances": torch.tensor([2.0, 1.0])}
    written = pack.write(tmp_path, PRIOR, {**prior_weights(), **more})
    assert written.code == Code(units=4) and "mean" not in (tmp_path / "cards" / "prior.toml").read_text().partition("[code]")[2]
    prior = dgnam_models.load("prior", packs=[tmp_path])
    assert isinstance(prior, Generator) and prior.card.code is not None
    torch.testing.assert_close(prior.code_mean, torch.tensor([0.1, 0.2, 0.3, 0.4]), rtol=0, atol=0)
    torch.testing.assert_close(torch.tensor(prior.card.code.std), prior.code_std, rtol=0, atol=0)
    assert torch.equal(prior.code_statistics["components"], torch.eye(4)[:2])
    assert prior.code_statistics["variances"].tolist() == [2.0, 1.0]
    again = pack.write(tmp_path, replace(prior.card, name="again"), prior_weights())  # as whoever trains it further does
    assert again.code == written.code
    bare = dgnam_models.load("again", packs=[tmp_path])
    assert isinstance(bare, Generator) and torch.equal(bare.code_std, prior.code_std) and not bare.code_statistics


def test_a_prior_whose_card_holds_the_statistics_loads_too(tmp_path: Path) -> None:
    """As cards did once, and do of formats without room for them."""
    card = pack.write(tmp_path, replace(PRIOR, code=Code(units=4)), prior_weights())
    with pytest.raises(CardError, match="neither its card nor prior.safetensors has the mean"):
        dgnam_models.load("prior", packs=[tmp_path])
    replace(card, code=PRIOR.code).write(tmp_path / "cards" / "prior.toml")
    prior = dgnam_models.load("prior", packs=[tmp_path])
    assert isinstance(prior, Generator) and prior.code_std.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_statistics_of_other_codes_are_refused(tmp_path: Path) -> None:
    wrong = {"code.mean": torch.zeros(3), "code.std": torch.ones(3)}
    pack.write(tmp_path, replace(PRIOR, code=Code(units=4)), {**prior_weights(), **wrong})
    with pytest.raises(CardError, match="code.mean has 3 values, code.units is 4"):
        dgnam_models.load("prior", packs=[tmp_path])


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
