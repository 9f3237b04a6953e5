"""dgnam-models evolution."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import dgnam_models
import pytest
from dgnam_models.commands import main
from photograph_sets import photograph_folder
from PIL import Image


@pytest.fixture(scope="module")
def run_dir(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with three snapshots, all of the same weights."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(tiny_pack / "weights", folder / "pack" / "weights")
    (folder / "pack" / "cards").mkdir()
    tiny = dgnam_models.cards([tiny_pack])["tiny"]
    for steps in (10, 20, 30):
        replace(tiny, name=f"mine-{steps:06d}", training={"steps": steps}).write(folder / "pack" / "cards" / f"mine-{steps:06d}.toml")
    return folder


@pytest.mark.timeout(600)  # it starts a server
def test_the_sheet_and_the_numbers(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, sheet = photograph_folder(tmp_path / "photos", 6), tmp_path / "evolution.png"
    asked = ["evolution", str(run_dir), "--data", str(data), "--out", str(sheet), "--unit", "conv2:3", "fc8:2"]
    assert main([*asked, "--count", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["photographs"], told["steps"]) == (6, [10, 20]) and told["conv2:3"]["unit"] == 3
    first, second = told["fc8:2"]["activations"]
    assert first == second and told["fc8:2"]["changes"] == 0, "the same weights like the same photograph"
    with Image.open(sheet) as drawn:
        assert drawn.width > 2 * 224 and drawn.height > 4 * 224


def test_what_is_wrong_is_told_at_once(
    run_dir: Path, tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evolution", "none", "--data", "photos", "--out", "a/b.txt", "--count", "1"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and "no folder none" in lines[0] and "end the name in" in lines[1] and "--count is 1" in lines[3]
    assert main(["evolution", str(tiny_pack), "--data", "photos"]) == 2
    assert "no snapshots of a classifier: `dgnam-models train --snapshots`" in capsys.readouterr().err
    for unit, says in (("conv9:1", "has no tap conv9; it has conv1"), ("conv2:lemon", "write a unit of conv2 after the colon, 0 to 5")):
        assert main(["evolution", str(run_dir), "--data", "photos", "--unit", unit]) == 2
        assert says in capsys.readouterr().err
