"""The command on small networks: the report, the page, and what is wrong told at once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models.commands import main
from dgnam_models.lab.interpretability import interpretability
from dgnam_models.lab.interpretability.interpretability import WAYS, Explained
from dgnam_models.lab.interpretability.page import page, questions
from dgnam_models.lab.interpretability.trials import Trials, needed
from dgnam_models.photographs import Photographs
from PIL import Image


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    (tmp_path / "photos" / "noise").mkdir(parents=True)
    for number in range(needed(1) + 2):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "photos" / "noise" / f"{number}.png")
    return tmp_path / "photos"


def test_the_report_and_the_page(
    photographs: Path, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def drawn(settings: object, model: str, tap: str, units: list[int]) -> dict[str, torch.Tensor]:
        """In place of a server, which other tests start: pictures of its shape."""
        random = torch.Generator().manual_seed(0)
        return {side: torch.rand(len(units), 9, 3, 32, 32, generator=random) for side in ("maximizing", "minimizing")}

    monkeypatch.setattr(interpretability, "_drawn", drawn)
    out = tmp_path / "out"
    words = [
        "--target",
        "tiny",
        "--observer",
        "tiny-res",
        "--models",
        str(tiny_pack),
        "--units",
        "3",
        "--trials",
        "1",
        "--page-trials",
        "2",
    ]
    assert main(["interpretability", "--data", str(photographs), *words, "--out", str(out), "--device", "cpu"]) == 0
    report = json.loads((out / "interpretability.json").read_text())
    assert report["units"] == 3 and report["trials"] == 1 and set(report["score"]) == set(WAYS)
    assert report["difference"] == pytest.approx(report["score"]["synthetic"] - report["score"]["exemplars"], abs=1e-3)
    assert [one["name"] for one in report["by_unit"]] == ["goldfish", "lemon", "koala"]
    assert "difference" in capsys.readouterr().out
    assert (out / "trials.html").read_text(encoding="utf-8").count('"queries"') == 2


def test_an_observer_that_sees_what_the_unit_sees_is_right() -> None:
    """Pictures that are the strongest photographs themselves explain the unit, and their opposites explain nothing."""
    light = torch.linspace(0, 1, needed(2))
    pixels = torch.stack([light, 1 - light, torch.full_like(light, 0.2)], 1)[:, :, None, None].expand(-1, -1, 4, 4)
    seen = pixels.mean((2, 3))
    from dgnam_models.lab.interpretability.score import evidence, similarities
    from dgnam_models.lab.interpretability.trials import of_unit

    trials = of_unit(light, 2, seed=0)
    for queries, best, worst in zip(trials.queries, trials.maximizing, trials.minimizing, strict=True):
        references = seen[torch.cat([best, worst])]
        assert evidence(similarities(seen[queries], references), 9) > 0
        assert evidence(similarities(seen[queries], references.flip(0)), 9) < 0


def test_the_page_needs_nothing_else() -> None:
    pictures = Photographs(torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8), torch.zeros(20, dtype=torch.int64), ("a",))
    trials = Trials(torch.tensor([[0, 19]]), torch.arange(1, 10)[None], torch.arange(10, 19)[None])
    one = Explained(7, "</script>", trials, {side: torch.rand(9, 3, 8, 8) for side in ("maximizing", "minimizing")})
    asked = questions([one], pictures, 4, seed=0)
    assert [question["way"] for question in asked] == ["synthetic", "exemplars", "synthetic", "exemplars"]
    assert all(len(question[side]) == 9 for question in asked for side in ("maximizing", "minimizing"))
    text = page(asked, "tiny:fc8 <b>")
    assert text.count("</script>") == 1 and "tiny:fc8 &lt;b&gt;" in text and "http" not in text.replace("http-equiv", "")
    assert "{{" not in text and "text/csv" in text


def test_all_bad_arguments_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(tmp_path / "nowhere"), "--target", "alexnet64", "--observer", "alexnet64", "--tap", "x", "--units", "0"]
    assert main(["interpretability", *words, "--trials", "0", "--seed", "-1"]) == 2
    told = capsys.readouterr().err.splitlines()
    expected = ["nowhere does not exist", "--units is 0", "--trials is 0", "--seed is -1", "took no part", "no tap 'x'"]
    assert len(told) == len(expected)
    for line, words_ in zip(told, expected, strict=True):
        assert words_ in line


def test_too_few_photographs_are_told(photographs: Path, tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--target", "tiny", "--observer", "tiny-res", "--models", str(tiny_pack), "--device", "cpu", "--out", str(tmp_path / "o")]
    assert main(["interpretability", "--data", str(photographs), *words]) == 2
    assert "22 photographs are fewer than the 400 that 20 trials of a unit take" in capsys.readouterr().err
