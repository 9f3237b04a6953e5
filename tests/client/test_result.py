from __future__ import annotations

import dataclasses
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import Recipe, Result
from dgnam_client._wire import results
from PIL import Image


@pytest.fixture
def result(result_message: Any) -> Result:
    return results.result(result_message(seed=3))


def test_image(result: Result) -> None:
    assert result.image.mode == "RGB" and result.image is result.image
    assert np.abs(np.asarray(result.image) / 255 - result.array.clip(0, 1)).max() <= 1 / 255


def test_save(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "lemon.png")
    assert path == tmp_path / "lemon.png" and path.read_bytes() == result.png
    assert Recipe.load(tmp_path / "lemon.json") == result.recipe
    assert {file.name for file in tmp_path.iterdir()} == {"lemon.png", "lemon.json"}


@pytest.mark.parametrize("name", ["a.npy", "a.NPY"])
def test_save_the_array(result: Result, tmp_path: Path, name: str) -> None:
    result.save(str(tmp_path / name), recipe=False)
    assert np.load(tmp_path / name).tobytes() == result.array.tobytes()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_save_the_code(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "lemon.png", code=True)
    assert np.load(tmp_path / "lemon.code.npy").tobytes() == result.code.tobytes()
    result.save(tmp_path / "lemon.npy", code=True, recipe=False)
    assert np.load(tmp_path / "lemon.npy").shape == (8, 8, 3)
    assert {file.name for file in tmp_path.iterdir()} == {"lemon.png", "lemon.json", "lemon.npy", "lemon.code.npy"}


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.bmp"])
def test_save_in_other_formats(result: Result, tmp_path: Path, name: str) -> None:
    with Image.open(result.save(tmp_path / name, recipe=False)) as image:
        assert image.size == (8, 8)


@pytest.mark.parametrize("name", ["a", "a.xyz", "a.json"])
def test_formats_that_are_none(result: Result, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"\.png"):
        result.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lemon.png"
    path.write_bytes(b"before")

    def fail(self: Path, target: Path) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            result.save(path)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["lemon.png"]
    result.save(path)
    assert path.read_bytes() == result.png


def test_notebooks_show_small_pictures_enlarged(result: Result) -> None:
    shown = Image.open(io.BytesIO(result._repr_png_()))
    assert shown.format == "PNG" and shown.size == (192, 192)
    file = io.BytesIO()
    Image.new("RGB", (150, 100)).save(file, format="PNG")
    large = dataclasses.replace(result, sent={"png": file.getvalue()})
    assert large._repr_png_() == large.png


def test_repr(result: Result) -> None:
    assert repr(result) == "<Result alexnet64:fc8:lemon seed=3: 8 x 8 px, activation 12.5 after 4 steps>"
    assert repr(result.recipe) == "<Recipe alexnet64:fc8:lemon prior=fc6-prior method=dgn-am steps=4 seed=3>"


def test_a_result_travels_between_processes(result: Result) -> None:
    again = pickle.loads(pickle.dumps(result))
    assert again.png == result.png and again.recipe == result.recipe
