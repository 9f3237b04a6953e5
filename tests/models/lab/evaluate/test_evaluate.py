"""The whole command on tiny models: a real server, photographs on disk, figures, sheets."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import Network
from dgnam_models.card import sha256
from dgnam_models.commands import evaluate as evaluate_command
from dgnam_models.commands import main
from dgnam_models.lab.evaluate import contestants, material, report
from dgnam_models.lab.evaluate.drawing import Pictures, connected, draw
from dgnam_models.lab.evaluate.material import Models
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_models import LABELS, NAMES, SIZE

SHEETS = {"units.png", "seeds.png", "nameless.png", "reconstructions.png", "memorization.png"}
EACH = 2
SERVED = (*NAMES, "tiny-prior-again")


def photographs(folder: Path, names: tuple[str, ...], each: int, seed: int) -> Path:
    """Blurred noise, a folder per class, named as WordNet's are; and a class that no unit has."""
    random = np.random.default_rng(seed)
    for number, name in enumerate((*names, "unheard of")):
        place = folder / f"n{number:08}_{name.replace(' ', '_')}"
        place.mkdir(parents=True)
        for i in range(each):
            coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(place / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def packs(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The tiny models, and the prior a second time under another name."""
    other = tmp_path_factory.mktemp("other")
    for folder, suffix in (("cards", "toml"), ("weights", "safetensors")):
        (other / folder).mkdir()
        shutil.copy(tiny_pack / folder / f"tiny-prior.{suffix}", other / folder / f"tiny-prior{'-again' * (suffix == 'toml')}.{suffix}")
    return [str(tiny_pack), str(other)]


@pytest.fixture(scope="module")
def quick_server() -> Iterator[pytest.MonkeyPatch]:
    """Servers that the command starts load the tiny models alone, and measure nothing while they are idle."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"DEFAULT_PRIOR": "tiny-prior", "BATCH_ROWS": "8", "THREADS": "1", "ONLY": ",".join(SERVED)}.items():
            patch.setenv(f"DGNAM_{name}", value)
        yield patch


@pytest.fixture(scope="module")
def server(packs: list[str], quick_server: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of one that is already there."""
    with connected(None, [Path(pack) for pack in packs], "cpu", only=SERVED) as client:
        yield client.server


@pytest.fixture(scope="module")
def evaluated(packs: list[str], quick_server: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(the report, the folder, the pictures as they came from the server): two priors and a method in pixels; a judge is the target."""
    folder = tmp_path_factory.mktemp("quality")
    held_out = photographs(folder / "val", LABELS, 2 * EACH, seed=1)
    training = photographs(folder / "train", LABELS, 6, seed=2)
    received: list[Pictures] = []

    def spy(*arguments: Any, **options: Any) -> Pictures:
        received.append(draw(*arguments, **options))
        return received[-1]

    quick_server.setattr(contestants, "draw", spy)
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "tiny", "tiny-res", "--prior", "tiny-prior", "tiny-prior-again"]
    arguments += [
        "--pixels",
        "tv",
        "--seeds",
        str(EACH),
        "--steps",
        "3",
        "--device",
        "cpu",
        "--val",
        str(held_out),
        "--data",
        str(training),
    ]
    assert main(["evaluate", *arguments, "--out", str(folder / "out")]) == 0
    return json.loads((folder / "out" / "quality.json").read_text()), folder / "out", received


def network(packs: list[str], name: str) -> Network:
    loaded = dgnam_models.load(name, packs=[Path(pack) for pack in packs])
    assert isinstance(loaded, Network)
    return loaded


@pytest.mark.parametrize("judge", ["tiny", "tiny-res"])
def test_agreement_is_what_the_judges_say(evaluated: Any, packs: list[str], judge: str) -> None:
    found, _, received = evaluated
    images = torch.stack([of_seed.images for of_seed in received[:EACH]], 1).flatten(0, 1)
    logits = network(packs, judge).logits((images * 255).round() / 255)
    right = [[unit in row.topk(k).indices for unit, row in zip(np.repeat(range(7), EACH), logits, strict=True)] for k in (1, 5)]
    agreement = found["contestants"]["tiny-prior"]["agreement"][judge]
    assert agreement["top1"] == pytest.approx(np.mean(right[0]), abs=1e-4)
    assert agreement["top5"] == pytest.approx(np.mean(right[1]), abs=1e-4)
    assert agreement["units_left_out"] == 0
    assert sum(map(len, agreement["misnamed"].values())) == sum(not one for one in right[0])


def test_every_measure_is_there_and_sane(evaluated: Any) -> None:
    found, _, _ = evaluated
    assert list(found["contestants"]) == ["tiny-prior", "tiny-prior-again", "tv"]
    for name, measures in found["contestants"].items():
        assert 0 <= measures["activation"]["mean_percentile"] <= 100
        for judge in ("tiny", "tiny-res"):
            natural, diverse = (measures[name][judge] for name in ("naturalness", "diversity"))
            assert natural["frechet_ratio"] == pytest.approx(natural["frechet"] / natural["frechet_real"], rel=1e-3)
            assert 0 <= natural["precision"] <= 1 and 0 <= natural["recall"] <= 1
            assert natural["real_precision"] > 0.5, "two sets of the same kind of noise"
            assert diverse["ratio"] == pytest.approx(diverse["drawn"] / diverse["real"], rel=1e-3)
        if name == "tv":  # without a prior nothing is reconstructed
            assert not {"reconstruction", "feature_error"} & set(measures)
            continue
        assert all(error > 0 for error in measures["feature_error"].values())
        assert set(measures["feature_error"]) == {"pool1", "pool2", "relu3", "relu4", "pool5", "relu6", "relu7"}
        assert all(0 <= measures["reconstruction"][judge]["top1"] <= 1 for judge in ("tiny", "tiny-res"))
    assert found["contestants"]["tiny-prior"]["feature_error"] == found["contestants"]["tiny-prior-again"]["feature_error"]
    assert found["photographs"] == {"held_out": 7 * 2 * EACH, "trained_on": 8 * 6}, "held out are those of the units only"
    assert found["units_with_photographs"] == found["units"] == 7
    assert found["contestant_options"]["tiny-prior"]["steps"] == 3
    assert found["contestant_options"]["tiny-prior"]["bound_multiplier"] == 3, "the method's default"
    assert found["contestant_options"]["tv"] | {"steps": 3, "tv_weight": 0.15, "method": "tv"} == found["contestant_options"]["tv"]
    assert len(found["models"]["tiny-prior"]["sha256"]) == 64


def test_memorization_is_a_ratio_of_distances(evaluated: Any) -> None:
    found, _, _ = evaluated
    for measures in found["contestants"].values():
        assert set(measures["memorization"]) == {"pixels", "tiny", "tiny-res"}
        for closeness in measures["memorization"].values():
            assert 0 < closeness["least_ratio"] <= closeness["median_ratio"]
            assert closeness["over_pairs"] > 0
            assert 0 < closeness["real_over_pairs"] < 1.5, "the nearest of many is hardly farther than another one of the class"


def test_sheets_are_written(evaluated: Any) -> None:
    found, out, _ = evaluated
    common = {"reconstructions.png", "side-by-side.png"}
    expected = {out / name for name in common} | {out / prior / name for prior in found["contestants"] for name in SHEETS - common}
    assert set(out.rglob("*.png")) - set(out.glob("pictures/**/*.png")) == expected
    assert len(list(out.glob("pictures/*/*.png"))) == 3 * 7 * EACH
    for path in expected:
        with Image.open(path) as sheet:
            assert sheet.width > 400
            assert min(band.std() for band in np.asarray(sheet).reshape(-1, 3).T) > 1, "not blank"
    assert sorted(found["nameless"]["tiny-prior"].values()) == sorted(LABELS)


def test_table_shows_targets_beside_figures(evaluated: Any) -> None:
    found, _, _ = evaluated
    lines = report.table(found).splitlines()
    top1 = found["contestants"]["tiny-prior"]["agreement"]
    shown = next(line for line in lines if line.startswith("named right, first guess"))
    assert f"{100 * top1['tiny']['top1']:.1f} %" in shown
    assert "at least 75.0 %" in shown
    verdict = next(one for one in found["targets"] if one["figure"] == "agreement.top1")
    assert shown.endswith("NOT MET") == (not verdict["met"]) == (min(one["top1"] for one in top1.values()) < 0.95)


def test_a_target_is_met_when_every_judge_says_so() -> None:
    least, most = (report.Line("", "", "", **bound) for bound in ({"at_least": 0.75}, {"at_most": 2.0}))
    assert least.met([0.75, 0.9]) and not least.met([0.74, 0.9])
    assert most.met([2.0, 0.5]) and not most.met([2.1, 0.5])


def test_less_is_wanted_of_units_whose_photographs_were_hardly_seen() -> None:
    def wanted(*units: str) -> dict[str, float | None]:
        return {line.key: line.at_least for line in report.lines_for(units) if line.measure == "agreement" and line.at_least}

    usual = {"top1": 0.75, "top5": 0.97}
    assert wanted() == wanted("goldfish") == wanted("hammerhead", "goldfish") == usual
    assert wanted("hammerhead", "junco") == {"top1": 0.55, "top5": 0.85}
    measures = {"prior": {"agreement": {"judge": {"top1": 0.6, "top5": 0.9}}}}
    assert [verdict["met"] for verdict in report.verdicts(measures, ["junco"])] == [True, True]
    assert [verdict["met"] for verdict in report.verdicts(measures, ["goldfish"])] == [False, False]


def test_without_photographs_only_agreement(packs: list[str], server: str, tmp_path: Path) -> None:
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "tiny-res", "--seeds", "1", "--steps", "1", "--device", "cpu"]
    assert main(["evaluate", *arguments, "--server", server, "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "quality.json").read_text())
    assert list(found["contestants"]) == ["tiny-prior"], "the server's default"
    assert list(found["contestants"]["tiny-prior"]) == ["agreement"]
    assert {path.name for path in tmp_path.glob("*.png")} == {"units.png", "seeds.png", "nameless.png"}


def test_nothing_is_drawn_twice(packs: list[str], server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["evaluate", "--models", *packs, "--target", "tiny", "--judge", "tiny-res", "--device", "cpu", "--server", server]
    arguments += ["--out", str(tmp_path), "--set", "decay=0.5", "--steps", "1"]
    assert main([*arguments, "--seeds", "1"]) == 0
    asked: list[tuple[int, int]] = []

    def spy(client: Any, targets: list[str], *rest: Any, seed: int, **options: Any) -> Pictures:
        asked.append((len(targets), seed))
        assert options["decay"] == 0.5
        return draw(client, targets, *rest, seed=seed, **options)

    monkeypatch.setattr(contestants, "draw", spy)
    next(tmp_path.glob("pictures/*/4-seed0.png")).unlink()
    assert main([*arguments, "--seeds", "2", "--sheet", "3"]) == 0
    assert asked == [(1, 0), (7, 1)], "the picture that is gone, and the second seed"
    assert {path.name for path in tmp_path.glob("nameless-*.png")} == {f"nameless-{i}.png" for i in (1, 2, 3)}
    assert len(json.loads((tmp_path / "quality.json").read_text())["nameless"]["tiny-prior"]) == 7


def test_all_problems_at_once(packs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--models",
        *packs,
        "--target",
        "tiny-prior",
        "--judge",
        "nobody",
        "tiny",
        "--prior",
        "tiny",
        "--seeds",
        "0",
        "--data-limit",
        "0",
    ]
    assert main(["evaluate", *arguments, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 2
    errors = capsys.readouterr().err
    for problem in (
        "nowhere does not exist",
        "--data needs --val",
        "--seeds is 0",
        "--data-limit is 0; it starts at 1",
        "--target: 'tiny-prior' is not a classifier; there are alexnet64",
        "--judge: 'nobody' is not a classifier",
        "--prior: 'tiny' is not a prior; there are tiny-prior",
    ):
        assert problem in errors
    assert len(errors.splitlines()) == 7


def test_only_pixel_methods_draw_in_pixels(packs: list[str], server: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "tiny-res", "--server", server, "--device", "cpu"]
    assert main(["evaluate", *arguments, "--pixels", "pyramid", "dgn-am", "oil"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [line.partition(";")[0] for line in errors] == [
        "dgnam-models: --pixels: 'dgn-am' is not a method in pixels",
        "dgnam-models: --pixels: 'oil' is not a method in pixels",
    ]
    assert "there are pyramid, normalized" in errors[0]


def test_models_that_do_not_fit_each_other(packs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "alexnet64-scenes", "--prior", "tiny-prior", "upconv64-fc6"]
    assert main(["evaluate", *arguments]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors == [
        "dgnam-models: --judge: alexnet64-scenes has none of the labels of tiny",
        "dgnam-models: --prior: they draw pictures of different sizes; evaluate them one by one",
    ]


def test_some_units_seen_by_a_judge_of_larger_pictures(packs: list[str], server: str, tmp_path: Path) -> None:
    (tmp_path / "units.txt").write_text("lemon\n\n", encoding="utf-8")
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "alexnet64", "--server", server, "--device", "cpu", "--seeds", "2"]
    out = tmp_path / "out"
    assert main(["evaluate", *arguments, "--units", f"@{tmp_path / 'units.txt'}", "0", "--steps", "2", "--out", str(out)]) == 0
    report = json.loads((out / "quality.json").read_text())
    assert report["units"] == 2
    assert sorted(report["nameless"]["tiny-prior"].values()) == ["goldfish", "lemon"]
    assert report["contestants"]["tiny-prior"]["agreement"]["alexnet64"].keys() >= {"top1", "top5"}


def test_a_judge_that_knows_none_of_the_units(packs: list[str]) -> None:
    target = network(packs, "tiny")
    names = target.card.labels
    target.card = replace(target.card, labels=("eft", "bib", *names[2:]))
    models = Models(target, (network(packs, "tiny-res"),), {}, {})
    assert material._strangers(models, [0, 1]) == ["--judge: tiny-res has none of these units; name other judges"]
    assert material._strangers(models, [1, 2]) == []


@pytest.mark.parametrize("name", ["objects100", "rare100"])
def test_the_lists_that_come_along_are_units_of_the_default_target(name: str) -> None:
    listed = evaluate_command._listed(f"@{name}")
    assert len(set(listed)) == 100
    assert set(listed) <= set(dgnam_models.cards()[evaluate_command.TARGET].labels)


def test_unknown_units_are_named(packs: list[str], server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "tiny-res", "--server", server, "--device", "cpu"]
    assert main(["evaluate", *arguments, "--units", "lemon", "unicorn", "--out", str(tmp_path / "out")]) == 2
    assert "--units: tiny has no output unit unicorn" in capsys.readouterr().err


def test_too_few_photographs(packs: list[str], server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held_out = photographs(tmp_path / "val", ("lemon", "koala"), 3, seed=0)
    arguments = ["--models", *packs, "--target", "tiny", "--judge", "tiny-res", "--val", str(held_out), "--device", "cpu"]
    assert main(["evaluate", *arguments, "--server", server, "--seeds", "2", "--out", str(tmp_path / "out")]) == 2
    assert "too few are of lemon (3), koala (3)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_server_with_other_models_is_refused(
    packs: list[str], server: str, tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its pictures would be another prior's, under the name of the one here."""
    shutil.copytree(tiny_pack, tmp_path / "pack")
    card = tmp_path / "pack" / "cards" / "tiny-prior.toml"
    weights = tmp_path / "pack" / "weights" / "tiny-prior.safetensors"
    tensors = {name: value * 1.5 for name, value in load_file(weights).items()}
    old = sha256(weights)
    save_file(tensors, weights)
    card.write_text(card.read_text().replace(old, sha256(weights)))
    arguments = ["--models", str(tmp_path / "pack"), "--target", "tiny", "--judge", "tiny-res", "--server", server, "--device", "cpu"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert "its tiny-prior is not the one here" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "paper"])
def test_without_the_client_it_says_what_to_install(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dgnam_client", None)
    assert main([command]) == 2
    assert 'pip install "dgnam-models[evaluate]"' in capsys.readouterr().err


def test_a_device_that_is_not_here_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--device", "abacus"]) == 2
    assert "--device: PyTorch cannot compute on 'abacus' here; leave it out" in capsys.readouterr().err
