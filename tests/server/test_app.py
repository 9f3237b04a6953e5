"""Putting the server together."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from dgnam_server import app, catalog
from dgnam_server.catalog import Catalog
from dgnam_server.config import Config


def test_models_are_loaded_by_as_many_threads_as_compute(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, load = torch.get_num_threads(), catalog.load
    at_loading: list[int] = []

    def spy(*arguments: Any) -> Catalog:
        at_loading.append(torch.get_num_threads())
        return load(*arguments)

    monkeypatch.setattr(catalog, "load", spy)
    try:
        app.build(Config(models=(tiny_pack,), default_prior="tiny-prior", device="cpu", threads=before + 1), time.monotonic())
        assert at_loading == [before + 1], "weights are laid out for those who multiply with them"
        assert torch.get_num_threads() == 1, "the event loop's thread keeps no team"
    finally:
        torch.set_num_threads(before)
