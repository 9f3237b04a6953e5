"""dgnam-models probe."""

import json
from pathlib import Path

import numpy as np
import pytest
from dgnam_models.commands import main
from PIL import Image


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """Dark and bright noise, ten pictures each."""
    random = np.random.default_rng(0)
    for name, shade in (("dark", 0), ("bright", 150)):
        (tmp_path / "shades" / name).mkdir(parents=True)
        for i in range(10):
            Image.fromarray(random.integers(shade, shade + 100, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "shades" / name / f"{i}.png")
    return tmp_path / "shades"


def test_table_figures_and_curves(tiny_pack: Path, shades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, plot = tmp_path / "p.json", tmp_path / "p.png"
    options = ["--taps", "pixels", "conv1", "--per-class", "2", "--repeats", "2", "--out", str(out), "--plot", str(plot)]
    assert main(["probe", "tiny", "--models", str(tiny_pack), "--data", str(shades), *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "tiny: 2 classes, 16 pictures to fit on, 4 held out" and said[-1].split() == ["guessing", "50.0%"]
    layers = json.loads(out.read_text())["layers"]
    assert [layer["tap"] for layer in layers] == ["pixels", "conv1"] and layers[0]["accuracy"] == 1 and layers[0]["few"]["2"][0] == 1
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_is_told_at_once(tiny_pack: Path, shades: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--taps", "conv99", "--repeats", "0", "--per-class", "0", "--plot", "p.txt", "--regularization", "0"]
    assert main(["probe", "tiny", "--models", str(tiny_pack), "--data", str(shades), *wrong]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and "has no tap 'conv99'" in lines[0] and "end the name in .png" in lines[4]
    assert main(["probe", "tiny", "--models", str(tiny_pack), "--data", str(shades), "--per-class", "9", "--taps", "conv1"]) == 2
    assert "but one has 8" in capsys.readouterr().err
