"""`dgnam exemplars`, and `dgnam synth --exemplars`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dgnam_client._cli import main
from PIL import Image


def test_a_list_a_sheet_and_several_units(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exemplars", "alexnet64:conv1:3", "--count", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "alexnet64:conv1:3: the strongest of 5000 photographs",
        "1  9  n01_red_fox/1.png",
        "2  8  n01_red_fox/2.png",
    ]
    assert not server.requests[-1].project
    assert main(["exemplars", "alexnet64:conv1:3", "-o", "one.png", "--method", "integrated", "--looks", "2"]) == 0
    assert server.requests[-1].project and dict(server.requests[-1].options) == {"looks": 2}
    assert main(["exemplars", "alexnet64:conv1:3", "alexnet64:fc8:lemon", "-o", "two.png", "--no-projections"]) == 0
    assert "two.png  2 units" in capsys.readouterr().out and not server.requests[-1].project
    for name in ("one.png", "two.png"):
        with Image.open(folder / name) as sheet:
            assert sheet.width > 500
    assert main(["exemplars", "alexnet64:conv1:3", "--count", "1", "--json"]) == 0
    (fact,) = json.loads(capsys.readouterr().out)
    assert fact["photograph"] == "n01_red_fox/1.png" and fact["box"] == [1, 2, 5, 8] and fact["position"] == [1, 2]


def test_what_cannot_be_written_is_told_before_the_work(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exemplars", "alexnet64:conv1:3", "-o", "sheet.npy"]) == 2
    assert main(["exemplars", "alexnet64:conv1:3", "-o", "nowhere/sheet.png"]) == 2
    assert main(["synth", "alexnet64:fc8:lemon", "--grid", "sheet.png", "--exemplars"]) == 2
    assert main(["synth", "alexnet64:fc8:lemon", "-o", "lemon.png", "--exemplars", "indices/photos/"]) == 2
    assert main(["exemplars", "alexnet64:conv1:3", "--index", "indices/photos"]) == 2
    assert main(["synth", "--exemplars", "alexnet64:fc8:lemon", "-o", "lemon.png"]) == 2
    told = capsys.readouterr().err
    assert "--exemplars takes alexnet64:fc8:lemon for the name of an index: write it after the targets" in told
    assert told.count("`dgnam-server --indices indices/photos") == 2 and told.count("the index's name here, such as photos") == 2
    assert "end the name in .png" in told and "there is no folder nowhere" in told and "--exemplars writes a sheet beside" in told
    assert not server.requests


def test_beside_what_is_drawn(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = "alexnet64:fc8:lemon+alexnet64:conv1:3@1,1"
    assert main(["synth", target, "--seed", "1", "--variants", "2", "--exemplars", "others", "-o", "set/"]) == 0
    assert len(list(folder.glob("set/*.exemplars.png"))) == 2
    assert "strongest photographs beside it" in capsys.readouterr().out
    asked = [request for request in server.requests if type(request).__name__ == "ExemplarsRequest"]
    assert [(one.index, one.place.HasField("position")) for one in asked] == [("others", False)] * 2, "each unit is asked for once"
    with Image.open(next(folder.glob("set/*.exemplars.png"))) as sheet:
        assert sheet.width > 5 * 296


def test_a_server_without_photographs_draws_all_the_same(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "alexnet64:fc8:lemon", "--exemplars", "none", "-o", "lemon.png"]) != 0
    assert "no photographs beside it: this server has no index" in capsys.readouterr().err
    assert (folder / "lemon.png").exists() and not (folder / "lemon.exemplars.png").exists()
