"""Indices: which of those given are used, and what is told of the others."""

from dataclasses import replace
from pathlib import Path

import dgnam_models
import pytest
from dgnam_models import ModelCard, Network, image_set, indexing
from dgnam_server import indices
from dgnam_server.faults import SettingsError
from photograph_sets import photograph_folder


@pytest.fixture(scope="module")
def folder(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two indices of `tiny`."""
    network = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(network, Network)
    images = image_set.find([photograph_folder(tmp_path_factory.mktemp("photographs"), 3)])
    made = tmp_path_factory.mktemp("indices")
    for name, tap in (("a", "conv1"), ("b", "fc8")):
        indexing.build(network, images, indexing.plan(network, images, [tap], strongest=2), made / name, progress=False)
    return made


def card(pack: Path) -> ModelCard:
    return dgnam_models.cards([pack])["tiny"]


def test_one_or_a_folder_of_them(folder: Path, tiny_pack: Path) -> None:
    cards = {"tiny": card(tiny_pack)}
    for given in ([folder], [folder / "a", folder / "b"]):
        found = indices.load(given, cards)
        assert [one.name for one in found.of["tiny"]] == ["a", "b"] and not found.unusable
        by_tap = {tap: found.with_tap("tiny", tap) for tap in ("conv1", "fc8", "conv2")}
        assert {tap: one and one.name for tap, one in by_tap.items()} == {"conv1": "a", "fc8": "b", "conv2": None}


def test_other_weights_and_other_networks(folder: Path, tiny_pack: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = replace(card(tiny_pack), sha256="0" * 64)
    found = indices.load([folder / "a"], {"tiny": other})
    assert not found.of and "the index a is of tiny with other weights" in found.unusable["tiny"][0]
    assert not indices.load([folder / "a"], {}).of and "the index a, as tiny is not served" in caplog.text


def test_what_cannot_be_used_stops_the_server_at_once(folder: Path, tiny_pack: Path, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(SettingsError) as caught:
        indices.load([tiny_pack, tmp_path, folder, folder / "a"], {"tiny": card(tiny_pack)})
    told = str(caught.value)
    assert "holds no index: make one with `dgnam-models index`" in told and "is not the header of an index" in told
    assert "two indices of tiny are called a: rename" in told
