"""Putting the server together."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from dgnam_server import app, catalog
from dgnam_server.catalog import Catalog
from dgnam_server.faults import SettingsError
from dgnam_server.settings import Settings


def _tiny(pack: Path, **settings: Any) -> Settings:
    """One prior and its encoder, which load at once."""
    return Settings(models=(pack,), only=("tiny-prior",), default_prior="tiny-prior", **settings)


def test_models_are_loaded_by_as_many_threads_as_compute(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, load = torch.get_num_threads(), catalog.load
    at_loading: list[int] = []

    def spy(*arguments: Any) -> Catalog:
        at_loading.append(torch.get_num_threads())
        return load(*arguments)

    monkeypatch.setattr(catalog, "load", spy)
    try:
        app.build(_tiny(tiny_pack, device="cpu", threads=before + 1), time.monotonic())
        assert at_loading == [before + 1], "weights are laid out for those who multiply with them"
        assert torch.get_num_threads() == 1, "the event loop's thread keeps no team"
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["cuda:1000", "cpu:1", "meta", "gpu"])
def test_a_device_that_is_not_there_is_told_before_models_load(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "load", lambda *arguments: pytest.fail("models load"))
    threads = torch.get_num_threads()
    with pytest.raises(SettingsError, match=f"^device: {name} is not there; this machine has cpu"):
        app.build(Settings(device=name), time.monotonic())
    assert torch.get_num_threads() == threads


def test_only_the_models_that_the_settings_name_are_loaded(tiny_pack: Path) -> None:
    threads = torch.get_num_threads()
    try:
        built = app.build(_tiny(tiny_pack, device="cpu"), time.monotonic())
    finally:
        torch.set_num_threads(threads)
    assert set(built.catalog.catalog.cards) == {"tiny-prior", "tiny"}, "a prior brings its encoder"
    assert built.metrics.registry.get_sample_value("dgnam_model_load_seconds", {"model": "tiny"})


@pytest.mark.parametrize("name", ["cpu", "cpu:0", "auto", pytest.param("cuda:0", marks=pytest.mark.gpu)])
def test_the_device_named_is_the_one_used(name: str, tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load, devices, threads = catalog.load, [], torch.get_num_threads()
    monkeypatch.setattr(catalog, "load", lambda packs, device, *rest: devices.append(device) or load(packs, device, *rest))
    try:
        app.build(_tiny(tiny_pack, device=name), time.monotonic())
    finally:
        torch.set_num_threads(threads)
    assert devices == [torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)]


def test_the_gpus_memory_is_pytorchs_own_account() -> None:
    """Of a device that is no GPU nothing is said.

    Where there is none, PyTorch itself answers that it holds nothing, so the function behind the metric runs everywhere; that it counts
    what is allocated shows only where there is one. What Prometheus reads of it is tested with a number, in test_metrics.py.
    """
    assert app._device_bytes(torch.device("cpu")) is None
    told = app._device_bytes(torch.device("cuda"))
    assert told is not None
    before = told()
    if not torch.cuda.is_available():
        assert before == 0
        return
    held = torch.empty(64 * 2**20, dtype=torch.uint8, device="cuda")
    assert told() >= held.numel(), "what the allocator kept from before may be used again"
