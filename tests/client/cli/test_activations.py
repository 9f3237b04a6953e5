"""`dgnam activations`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client._cli import main
from PIL import Image

AMONG = "percentiles are among 256 photographs of the index photos"


@pytest.fixture(autouse=True)
def photo(folder: Path) -> Path:
    Image.new("RGB", (9, 9), "red").save(folder / "photo.jpg")
    return folder / "photo.jpg"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[list[str]]:
    """What is printed, as words. Of every tap, the small server says 0, 1, 2, ..."""
    assert main(["activations", "photo.jpg", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [line.split() for line in out.splitlines()]


@pytest.mark.parametrize("place", ["alexnet64", "alexnet64:fc8"])
def test_the_strongest_units_of_a_tap_with_labels(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    title, head, *rows = printed(capsys, place)
    assert title == [f"{place}:", "1205", "units"] and head == ["ACTIVATION", "LABEL", "ADDRESS"]
    assert len(rows) == 10
    assert rows[0] == ["1204", "thing", "1204", "alexnet64:fc8:1204"]
    assert len(printed(capsys, place, "--top", "3")) == 5


def test_a_convolutional_tap(capsys: pytest.CaptureFixture[str]) -> None:
    title, _, first, second, *_ = printed(capsys, "alexnet64:conv1")
    assert " ".join(title) == f"alexnet64:conv1: 16 channels, each a map of 4 x 4; {AMONG}"
    assert first == ["255", "99.61", "-", "alexnet64:conv1:15@3,3"] and second == ["239", "93.36", "-", "alexnet64:conv1:14@3,3"]
    title, _, first, second, *_ = printed(capsys, "alexnet64:conv1:2")
    assert " ".join(title) == f"alexnet64:conv1:2: a map of 4 x 4; {AMONG}"
    assert first == ["47", "18.36", "-", "alexnet64:conv1:2@3,3"] and second == ["46", "17.97", "-", "alexnet64:conv1:2@3,2"]
    _, _, first, *rest = printed(capsys, "alexnet64:conv1@0,1")
    assert first == ["241", "94.14", "-", "alexnet64:conv1:15@0,1"] and len(rest) == 9


def test_one_unit_and_several_places(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "alexnet64:fc8:teapot", "alexnet64:fc8:2")
    assert [lines[0], lines[3]] == [["alexnet64:fc8:teapot:", "one", "activation"], ["alexnet64:fc8:2:", "one", "activation"]]
    assert lines[2] == ["1", "teapot", "alexnet64:fc8:teapot"] and lines[5] == ["2", "tabby", "cat", "alexnet64:fc8:2"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["activations", "photo.jpg", "alexnet64:fc8", "--json", "--top", "1", "-o", "a.npy"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"alexnet64:fc8": [{"address": "alexnet64:fc8:1204", "label": "thing 1204", "activation": 1204.0, "percentile": None}]}
    assert main(["activations", "photo.jpg", "alexnet64:conv1:3@0,0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["alexnet64:conv1:3@0,0"][0]["percentile"] == 18.75


def test_all_activations_are_written(photo: Path, capsys: pytest.CaptureFixture[str], server: Any) -> None:
    assert printed(capsys, "alexnet64:conv1", "-o", "conv1.npy")[-1] == ["conv1.npy"]
    assert np.load("conv1.npy").shape == (16, 4, 4)
    printed(capsys, "alexnet64:conv1", "alexnet64:fc8", "-o", "both.npz")
    with np.load("both.npz") as both:
        assert {name: array.shape for name, array in both.items()} == {"alexnet64:conv1": (16, 4, 4), "alexnet64:fc8": (1205,)}
    assert [request.images[0] for request in server.requests if hasattr(request, "images")] == [photo.read_bytes()] * 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["photo.jpg", "alexnet64::3"], 2, "'alexnet64::3' is not the address of a tap or a unit. Write model:tap"),
        (["photo.jpg", "alexnet64", "--top", "0"], 2, "--top: 0 is less than 1"),
        (["photo.jpg", "alexnet64", "-o", "a.npz"], 2, "-o a.npz: one place goes into a file that ends in .npy"),
        (["photo.jpg", "alexnet64", "alexnet64:conv1", "-o", "a.npy"], 2, "several places go into a file that ends in .npz"),
        (["photo.jpg", "alexnet64", "-o", "no/such/a.npy"], 2, "there is no folder no/such"),
        (["none.jpg", "alexnet64"], 1, "none.jpg"),
    ],
)
def test_bad_requests(arguments: list[str], code: int, says: str, server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["activations", *arguments]) == code
    assert says in capsys.readouterr().err
    assert not server.requests
