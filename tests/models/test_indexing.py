"""Indexing: the index is what a plain loop over all photographs finds, however often it was stopped, and nothing is lost."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import Network, exemplars, image_set, indexing
from dgnam_models.errors import ExemplarError, UsageError
from dgnam_models.exemplars import ExemplarIndex
from dgnam_models.indexing import build, plan
from files import png
from photograph_sets import photograph_folder
from PIL import Image

COUNT = 20


@pytest.fixture(scope="module")
def network(tiny_pack: Path) -> Network:
    network = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(network, Network)
    return network


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photograph_folder(tmp_path_factory.mktemp("photographs"), COUNT)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH_ROWS", 6)


def index(network: Network, photographs: Path, folder: Path, **options: Any) -> ExemplarIndex:
    images = image_set.find([photographs])
    return build(network, images, plan(network, images, **{"strongest": 5, **options}), folder, progress=False)


@pytest.mark.usefixtures("small_batches")
def test_against_a_plain_loop(network: Network, photographs: Path, tmp_path: Path) -> None:
    found = index(network, photographs, tmp_path / "index")
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == sorted(
        ["index.json", "photographs.json", *(f"{name}.npy" for name in ("values", "photographs", "positions", "quantiles", "digests"))]
    )
    assert (found.name, found.header.indexed, found.header.units) == ("index", COUNT, sum(tap.shape[0] for tap in network.card.taps))
    images = [
        torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1)[None] / 255 for path in sorted(photographs.glob("*/*"))
    ]
    taps = [tap.name for tap in network.card.taps]
    seen = [network.activations(image, taps) for image in images]
    for tap in network.card.taps:
        maps = torch.stack([values[tap.name][0].flatten(1) if len(tap.shape) == 3 else values[tap.name][0][:, None] for values in seen])
        peaks, means = maps.amax(2), maps.mean(2)
        for unit in range(tap.shape[0]):
            top = found.strongest(tap.name, unit, 3)
            expected = peaks[:, unit].sort(dim=0, descending=True, stable=True)
            assert [one.activation for one in top] == pytest.approx(expected.values[:3].tolist(), rel=1e-5, abs=1e-6)
            for one in top:
                at = 0 if one.position is None else one.position[0] * tap.shape[2] + one.position[1]
                assert float(maps[one.photograph, unit, at]) == pytest.approx(one.activation, rel=1e-5, abs=1e-6)
            for values, mean in ((peaks, False), (means, True)):
                for number in (0, 7, 13):
                    below = 100 * float((values[:, unit] < values[number, unit] - 1e-5).sum()) / COUNT
                    told = found.percentile(tap.name, unit, float(values[number, unit]) - 1e-6, mean)
                    assert told == pytest.approx(below, abs=100 / COUNT), "percentiles are as fine as there are photographs"
            assert found.percentile(tap.name, unit, float(peaks[:, unit].max()) + 1) == 100
            assert found.percentile(tap.name, unit, float(means[:, unit].min()) - 1, mean=True) == 0
            assert found.largest(tap.name, unit) == pytest.approx(float(peaks[:, unit].max()), rel=1e-5, abs=1e-6)
            assert found.largest(tap.name, unit, mean=True) == pytest.approx(float(means[:, unit].max()), rel=1e-5, abs=1e-6)


@pytest.mark.usefixtures("small_batches")
def test_stopped_and_gone_on_with(network: Network, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = index(network, photographs, tmp_path / "whole")
    looked: list[int] = []
    activations = network.activations

    def stopping(image: torch.Tensor, taps: Sequence[str]) -> Any:
        looked.append(len(image))
        if len(looked) in (2, 4):
            raise KeyboardInterrupt
        return activations(image, taps)

    monkeypatch.setattr(network, "activations", stopping)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            index(network, photographs, tmp_path / "stopped")
        with pytest.raises(ExemplarError, match="an unfinished index: finish it with the same command"):
            ExemplarIndex.open(tmp_path / "stopped")
    with pytest.raises(ExemplarError, match="holds an index with other strongest: choose another folder"):
        index(network, photographs, tmp_path / "stopped", strongest=4)
    again = index(network, photographs, tmp_path / "stopped")
    assert looked == [6, 6, 6, 6, 6, 2], "no photograph that was done is looked at again"
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])
    assert index(network, photographs, tmp_path / "stopped").header == again.header and len(looked) == 6, "there already"
    with pytest.raises(ExemplarError, match="holds an index with other taps: choose"):
        index(network, photographs, tmp_path / "stopped", taps=["fc8"])


def test_small_and_damaged_photographs_are_left_out_and_counted(network: Network, tmp_path: Path) -> None:
    folder = photograph_folder(tmp_path / "photos", 6)
    (folder / "ant" / "a.png").write_bytes(png(31, 40))
    (folder / "ant" / "b.png").write_bytes(png(40, 32)[:200])
    (folder / "ant" / "c.jpg").write_bytes(b"no picture")
    found = index(network, folder, tmp_path / "index", taps=["conv1", "fc8"])
    assert (found.header.indexed, found.header.small, found.header.unreadable) == (6, 1, 2)
    used = {one.photograph for unit in range(7) for one in found.strongest("fc8", unit, 5)}
    assert not used & {number for number, (_, name) in enumerate(found.images.names) if name[4:5] in "abc" and name.startswith("ant")}
    assert not found.has("conv2")
    assert index(network, folder, tmp_path / "enlarged", taps=["conv1", "fc8"], enlarge=True).header.small == 0
    tiny_ones = photograph_folder(tmp_path / "tiny", 6, side=20)
    with pytest.raises(ExemplarError, match=r"of 6 photographs 6 have fewer pixels than tiny takes \(32 x 32\): --enlarge takes them too"):
        index(network, tiny_ones, tmp_path / "none")


def test_what_cannot_be_planned(network: Network, photographs: Path) -> None:
    images = image_set.find([photographs])
    with pytest.raises(UsageError, match="tiny has no tap conv9"):
        plan(network, images, ["conv1", "conv9"])
    with pytest.raises(UsageError, match=r"21 photographs of each unit cannot be kept of 20: ask for 1 to 20"):
        plan(network, images, strongest=21)


def test_a_damaged_index_is_refused(network: Network, photographs: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    index(network, photographs, good, taps=["conv1"])

    def broken(change: Any) -> str:
        folder = tmp_path / "broken"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        change(folder)
        with pytest.raises(ExemplarError) as caught:
            ExemplarIndex.open(folder)
        return str(caught.value)

    def header(**changes: Any) -> Any:
        def change(folder: Path) -> None:
            fields = json.loads((folder / "index.json").read_text())
            (folder / "index.json").write_text(json.dumps({**fields, **changes}))

        return change

    def array(name: str, values: np.ndarray) -> Any:
        return lambda folder: np.save(folder / f"{name}.npy", values)

    pickled = np.array([{"a": 1}], dtype=object)
    assert "holds no index" in broken(lambda folder: (folder / "index.json").unlink())
    assert "is not the header of an index of this version" in broken(header(format="other"))
    wrong = broken(header(size=[32], strongest=-1, taps=[{"name": "conv1", "shape": [4, 2]}], sources="here"))
    assert all(part in wrong for part in ("size is not two", "strongest is no number", "taps is no list", "sources is no list"))
    assert "colour is unknown" in broken(header(colour=1))
    assert "it has not the 20 names" in broken(lambda folder: (folder / "photographs.json").write_text("[]"))
    assert "values.npy cannot be read" in broken(lambda folder: np.save(folder / "values.npy", pickled, allow_pickle=True))
    assert "values.npy is damaged: it holds float64" in broken(array("values", np.zeros((4, 5))))
    assert "photographs.npy is damaged: it points at what is not there" in broken(array("photographs", np.full((4, 5), 20, np.int32)))
    assert "positions.npy is damaged" in broken(array("positions", np.full((4, 5), 16 * 16, np.int32)))
    assert "not finite" in broken(array("values", np.full((4, 5), np.nan, np.float32)))


def test_photographs_are_read_as_they_were_indexed(network: Network, tmp_path: Path) -> None:
    folder = photograph_folder(tmp_path / "photos", 6)
    found = index(network, folder, tmp_path / "index", taps=["fc8"])
    paths = sorted(folder.glob("*/*"))
    assert found.read([2, 0]) == [paths[2].read_bytes(), paths[0].read_bytes()]
    paths[0].write_bytes(png(32, 32, 99))
    paths[2].unlink()
    with pytest.raises(ExemplarError) as caught:
        found.read([0, 1, 2])
    told = str(caught.value)
    assert f"{paths[0]} has changed since it was indexed" in told and f"{paths[2]} is not there" in told and "`sources`" in told
    moved = tmp_path / "moved"
    folder.rename(moved)
    fields = json.loads((tmp_path / "index" / "index.json").read_text())
    (tmp_path / "index" / "index.json").write_text(json.dumps({**fields, "sources": [str(moved)]}))
    assert ExemplarIndex.open(tmp_path / "index").read([1]) == [(moved / paths[1].relative_to(folder)).read_bytes()]


def test_percentiles_of_equal_values_and_beyond() -> None:
    levels = np.concatenate([np.zeros(41), np.linspace(1, 2, 60)]).astype(np.float32)
    asked = np.array([-1, 0, 0.5, 1, 3], np.float64)
    found = exemplars._percent(np.tile(levels, (len(asked), 1)), asked)
    assert found.tolist() == [0, 0, 40.5, 41, 100]
