"""`dgnam look`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import AnalysisRecipe
from dgnam_client._cli import main
from PIL import Image


@pytest.fixture(autouse=True)
def photo(folder: Path) -> Path:
    Image.new("RGB", (20, 20), "red").save(folder / "photo.jpg")
    return folder / "photo.jpg"


def test_a_projection(capsys: pytest.CaptureFixture[str], server: Any) -> None:
    assert main(["look", "photo.jpg", "alexnet64:conv1:3", "--top", "2", "-o", "p.png"]) == 0
    out, err = capsys.readouterr()
    assert out == "p.png  alexnet64:conv1:3 (lemon) @1,2: activation 2.5, deconvnet\n" and err == ""
    assert Path("p.png").is_file() and AnalysisRecipe.load("p.json").method == "deconvnet"
    assert server.requests[-1].top == 2


def test_every_method_of_several_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", "photo.jpg", "alexnet64:conv1:3", "alexnet64", "--method", "all", "-o", "out/", "--grid", "sheet.png"]) == 0
    assert sorted(path.name for path in Path("out").glob("*.png")) == [
        "photo-alexnet64-conv1-3-deconvnet.png",
        "photo-alexnet64-conv1-3-integrated.png",
        "photo-alexnet64-deconvnet.png",
        "photo-alexnet64-integrated.png",
    ]
    assert capsys.readouterr().out.splitlines()[-1] == "sheet.png  4 projections"
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 400


def test_a_methods_own_options(server: Any) -> None:
    assert main(["look", "photo.jpg", "alexnet64", "--method", "integrated", "--looks", "5", "-o", "p.npy", "--no-recipe"]) == 0
    assert dict(server.requests[-1].options) == {"looks": 5}
    assert np.load("p.npy").shape == (8, 8, 3) and not Path("p.json").exists()


def test_an_occlusion(capsys: pytest.CaptureFixture[str], server: Any) -> None:
    assert main(["look", "photo.jpg", "alexnet64", "--occlusion", "--size", "5", "--colour", "0,0.5,1"]) == 0
    assert capsys.readouterr().out == "photo-occlusion.png  alexnet64: lemon 75.0% uncovered, 0.0% to 75.0% covered\n"
    assert list(server.requests[-1].colour) == [0, 0.5, 1]
    assert main(["look", "--replay", "photo-occlusion.json", "-o", "again.npz"]) == 0
    with np.load("again.npz") as maps:
        assert maps["probability"].shape == (2, 2)


def test_an_invariance(capsys: pytest.CaptureFixture[str], server: Any) -> None:
    assert main(["look", "photo.jpg", "alexnet64", "--invariance", "--rotations", "-90", "0", "--colour", "1"]) == 0
    said = "photo-invariance.png  alexnet64: lemon 75.0% as it is; at worst 25.0% rotation\n"
    assert capsys.readouterr().out == said
    assert list(server.requests[-1].rotations) == [-90, 0] and list(server.requests[-1].colour) == [1]
    assert main(["look", "--replay", "photo-invariance.json", "-o", "again.npz"]) == 0
    with np.load("again.npz") as curves:
        assert curves["rotation_amounts"].tolist() == [0, 90, 180]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "name a picture and a target, such as photo.jpg alexnet64:fc8:lemon"),
        (["photo.jpg"], 2, "name a picture and a target"),
        (["photo.jpg", "alexnet64", "--replay", "x.json"], 2, "a recipe holds the picture and the target"),
        (["photo.jpg", "alexnet64", "--size", "5"], 2, "--size cannot be given here: see --occlusion"),
        (["photo.jpg", "alexnet64", "--occlusion", "--top", "5"], 2, "--top cannot be given here: it goes without --occlusion"),
        (["photo.jpg", "alexnet64", "--scales", "2"], 2, "--scales cannot be given here: see --invariance"),
        (["photo.jpg", "alexnet64", "--invariance", "--size", "2"], 2, "--size cannot be given here: see --occlusion"),
        (["photo.jpg", "alexnet64", "--invariance", "--occlusion"], 2, "two analyses: give one of them"),
        (["--replay", "x.json", "--scales", "2"], 2, "--scales cannot be given here: a recipe holds all options"),
        (["photo.jpg", "alexnet64", "--occlusion", "--colour", "red"], 2, "--colour red: write a grey from 0 to 1"),
        (["photo.jpg", "alexnet64", "-o", "no/such/p.png"], 2, "there is no folder no/such"),
        (["photo.jpg", "alexnet64", "--grid", "sheet.txt"], 2, "--grid sheet.txt: end the name in .png"),
        (["none.jpg", "alexnet64"], 1, "none.jpg"),
    ],
)
def test_bad_requests(arguments: list[str], code: int, says: str, server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", *arguments]) == code
    assert says in capsys.readouterr().err
    assert not server.requests


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--method", "deconvnets"], "there is no method 'deconvnets': did you mean deconvnet?"),
        (["--looks", "2"], "--looks is not an option of deconvnet, but of integrated"),
        (["--method", "all", "--looks", "2"], "--looks: the options of a method go with it alone"),
        (["--method", "all", "-o", "p.png"], "several pictures do not fit into one file: write -o p/ or --grid p.png"),
    ],
)
def test_what_the_methods_do_not_have(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", "photo.jpg", "alexnet64", *arguments]) == 2
    assert says in capsys.readouterr().err
