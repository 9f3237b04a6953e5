"""Features kept on disk, computed once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models import photographs
from dgnam_models.lab.evaluate import features
from dgnam_models.lab.evaluate.features import Space
from dgnam_models.photographs import Files
from PIL import Image
from torch import Tensor

CPU = torch.device("cpu")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """150 small photographs of noise."""
    random = np.random.default_rng(0)
    (tmp_path / "photos" / "noise").mkdir(parents=True)
    for i in range(150):
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / "photos" / "noise" / f"{i:03}.png")
    return photographs.files([tmp_path / "photos"], 8)


class Counting:
    """Rows of three numbers of a picture; counts how many it made, and stops as if killed after `most`."""

    def __init__(self, most: int = 1000) -> None:
        self.made, self.most = 0, most

    def __call__(self, images: Tensor) -> Tensor:
        if self.made + len(images) > self.most:
            raise KeyboardInterrupt
        self.made += len(images)
        return images.mean((2, 3))


def expected(files: Files) -> Tensor:
    return (files.take(torch.arange(len(files))).pixels / 255).mean((2, 3))


def test_a_stopped_pass_goes_on_where_it_was(files: Files, tmp_path: Path) -> None:
    first, second, third = Counting(most=100), Counting(), Counting()
    with pytest.raises(KeyboardInterrupt):
        features.tables(files, {"mean": Space(3, "mean", first)}, tmp_path / "cache", CPU, "noise")
    for counting in (second, third):
        found = features.tables(files, {"mean": Space(3, "mean", counting)}, tmp_path / "cache", CPU, "noise")
    assert (first.made, second.made, third.made) == (64, 86, 0)
    torch.testing.assert_close(torch.from_numpy(np.asarray(found["mean"], np.float32)), expected(files), rtol=1e-3, atol=1e-3)


def test_another_space_or_photograph_is_computed_anew(files: Files, tmp_path: Path) -> None:
    features.tables(files, {"mean": Space(3, "mean", Counting())}, tmp_path / "cache", CPU, "noise")
    other = Counting()
    features.tables(files, {"mean": Space(3, "mean of another network", other)}, tmp_path / "cache", CPU, "noise")
    assert other.made == 150
    Image.new("RGB", (8, 8), "red").save(tmp_path / "photos" / "noise" / "000.png")
    changed = Counting()
    found = features.tables(files, {"mean": Space(3, "mean", changed)}, tmp_path / "cache", CPU, "noise")
    assert changed.made == 150
    np.testing.assert_allclose(found["mean"][0], [1, 0, 0])


def test_a_table_that_is_gone_is_computed_anew(files: Files, tmp_path: Path) -> None:
    features.tables(files, {"mean": Space(3, "mean", Counting())}, tmp_path / "cache", CPU, "noise")
    next((tmp_path / "cache").glob("*.f16")).unlink()
    found = features.tables(files, {"mean": Space(3, "mean", Counting())}, tmp_path / "cache", CPU, "noise")
    assert np.asarray(found["mean"]).min() > 0


def test_chunks_are_all_rows_in_order(files: Files, tmp_path: Path) -> None:
    tables = features.tables(files, {"mean": Space(3, "mean", Counting())}, tmp_path / "cache", CPU, "noise")
    found = torch.cat([chunk["mean"] for chunk in features.chunks(tables, rows=40)])
    torch.testing.assert_close(found, expected(files), rtol=1e-3, atol=1e-3)
