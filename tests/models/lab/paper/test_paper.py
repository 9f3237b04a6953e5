"""The command: bad arguments all at once, classifiers trained once, a sheet and its numbers written."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import patches
from dgnam_models.commands import main
from dgnam_models.lab.paper import figures, paper
from dgnam_models.lab.paper.figures.priors import PRIORS
from dgnam_models.lab.paper.settings import Settings, wanted
from dgnam_models.lab.paper.study import JUDGES, TARGET
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.run import Run
from PIL import Image

PARAMETERS = {"channels": [4, 6, 8, 8, 6], "hidden": [24, 12], "image_size": 32}
RECIPE = Recipe(
    "small", "classifier", "tells noises", "alexnet", PARAMETERS, image_size=32, steps=4, batch=4, checkpoint_every=2, warmup_steps=1
)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(10):
            Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def test_all_bad_arguments_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["altered", "nothing", "--val", str(tmp_path / "nowhere"), "--run-dir", str(tmp_path), "--units", "0", "--seed", "-1"]
    assert main(["paper", *arguments]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 5
    for line, words in zip(
        told,
        ["'nothing'; there are activation_maps, ", "altered shows classifiers", "nowhere does not exist", "--units is 0", "--seed is -1"],
        strict=True,
    ):
        assert words in line


def test_help_lists_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["paper", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(figures.about(name) in shown for name in figures.names())


def test_without_data_figures_that_need_training_are_left_out_and_named(tmp_path: Path) -> None:
    settings = Settings([], tmp_path, tmp_path / "out", torch.device("cpu"))
    drawn, skipped = wanted(settings)
    assert list(skipped) == [name for name in figures.names() if figures.recipes(name) or figures.shows_photographs(name)] != []
    assert sorted([*drawn, *skipped]) == figures.names() and "shows photographs; give --val" in skipped["zeiler_exemplars"]
    assert wanted(replace(settings, data=[tmp_path])) == (figures.names(), {})
    assert "zeiler_exemplars" in wanted(replace(settings, val=[tmp_path]))[0]


def test_classifiers_are_trained_once(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipes = [RECIPE, replace(RECIPE, name="told", told_apart="blurred")]
    run = Run(tmp_path / "runs", [photographs], snapshots=True, progress=False)
    packs = paper.train_missing(recipes, run)
    assert "training small, told: " in capsys.readouterr().out
    assert {"small", "small-000002", "small-000004", "told"} <= set(dgnam_models.names(packs))
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert paper.train_missing(recipes, replace(run, sources=[])) == packs
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()} == files
    assert capsys.readouterr().out == ""


def test_patches_are_cut_once(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert paper.patch_pack([], tmp_path / "runs") == []
    (pack,) = paper.patch_pack([photographs], tmp_path / "runs")
    assert "20000 patches of 20 photographs" in capsys.readouterr().out
    file = pack / patches.FILE
    before = file.stat().st_mtime_ns
    assert paper.patch_pack([photographs], tmp_path / "runs") == paper.patch_pack([], tmp_path / "runs") == [pack]
    assert file.stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_figure_end_to_end(tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGNAM_MAX_BATCH_ROWS", "8")  # the server that it starts tries out small batches only
    pack = tmp_path / "pack"
    shutil.copytree(tiny_pack, pack)
    cards = dgnam_models.cards([pack])
    bundled = {TARGET: "tiny", **dict.fromkeys(JUDGES, "tiny-res"), **dict.fromkeys(PRIORS, "tiny-prior")}
    for name, card in bundled.items():
        replace(cards[card], name=name).write(pack / "cards" / f"{name}.toml")
    out = tmp_path / "out"
    assert main(["paper", "architectures", "--models", str(pack), "--units", "2", "--out", str(out), "--device", "cpu"]) == 0
    numbers = json.loads((out / "architectures.json").read_text())
    assert numbers["pictures"] == 2
    assert {key for key in numbers if key != "pictures"} == {f"drawn for {name}" for name in (TARGET, *JUDGES)}
    for found in numbers.values():
        for shares in found.values() if isinstance(found, dict) else []:
            assert 0 <= shares["top1"] <= shares["top5"] <= 1
    with Image.open(out / "architectures.png") as sheet:
        assert min(sheet.size) > 400
    printed = capsys.readouterr().out
    assert figures.about("architectures") in printed
    assert json.dumps(numbers, indent=2) in printed


def test_what_cannot_be_done_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "pairs", "--models", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "is not a pack" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", figures.names())
def test_what_figures_train_is_bundled(name: str) -> None:
    for recipe in figures.recipes(name):
        assert paper.config.read(recipe)[0].name == recipe


def test_a_step_takes_time() -> None:
    assert 0 < paper._seconds_per_step(RECIPE, torch.device("cpu")) < 60
