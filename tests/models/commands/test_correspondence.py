"""dgnam-models correspondence."""

import json
from pathlib import Path

import pytest
from dgnam_models.commands import main
from PIL import Image


def test_a_part_beside_random_places(tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, shade in (("a.png", 40), ("b.png", 200)):
        Image.new("RGB", (32, 32), (shade, 90, 120)).save(tmp_path / name)
    file = tmp_path / "parts.json"
    file.write_text(json.dumps({"pictures": ["a.png", "b.png"], "parts": {"eye": [[2, 2, 9, 9], [20, 20, 28, 28]]}}))
    options = ["correspondence", "tiny", "--models", str(tiny_pack), "--parts", str(file), "--draws", "2"]
    assert main(options) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 + 2 * 2 and "eye" in said[1] and "random places" in said[2] and "±" in said[2]
    assert main([*options, "--taps", "conv2", "--json"]) == 0
    assert 0 <= json.loads(capsys.readouterr().out)["conv2"]["eye"]["mean"] <= 1


def test_what_is_wrong_is_told_at_once(tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["correspondence", "tiny", "--models", str(tiny_pack), "--parts", str(tmp_path / "none.json")]
    assert main([*options, "--taps", "conv99", "--draws", "0"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert main(options) == 2
    assert "no file of marked pictures" in capsys.readouterr().err
