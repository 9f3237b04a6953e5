"""dgnam-models filters."""

import json
from pathlib import Path

import pytest
from dgnam_models.commands import main
from PIL import Image


def test_the_sheet_and_the_diagnosis(tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "filters.png"
    assert main(["filters", "tiny", "--models", str(tiny_pack), "--out", str(sheet)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny: ") and "dominating" in said and "aliased" in said
    with Image.open(sheet) as drawn:
        assert drawn.width >= 46
    assert main(["filters", "tiny", "--models", str(tiny_pack), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stride"]


def test_what_is_wrong_is_told_at_once(tiny_pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["filters", "tiny-prior", "--models", str(tiny_pack), "--out", "none/f.txt", "--limit", "0"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and "draws pictures" in lines[0] and "end the name in" in lines[1] and "no folder none" in lines[2]
