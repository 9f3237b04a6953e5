from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_client import Progress, Queued, VariantProgress, _cli
from dgnam_client._cli import main
from google.rpc import error_details_pb2
from PIL import Image

LEMON = "alexnet64:fc8:lemon"
TEAPOT = "alexnet64:fc8:teapot"


@pytest.fixture(autouse=True)
def folder(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_one_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "-o", "lemon.png", "--seed", "3"]) == 0
    assert capsys.readouterr() == ("lemon.png  activation 12.5, 4 steps, seed 3\n", "")
    assert files(folder) == {"lemon.png", "lemon.json"}


def test_names_are_made_from_targets(folder: Path) -> None:
    assert main(["synth", LEMON, LEMON, f"-0.5*{LEMON}+alexnet64:conv5:1@2,3", "alexnet64:fc8:../tabby cat", "--no-recipe"]) == 0
    assert files(folder) == {
        "alexnet64-fc8-lemon.png",
        "alexnet64-fc8-lemon-seed0.png",
        "0.5-alexnet64-fc8-lemon+alexnet64-conv5-1-2-3.png",
        "alexnet64-fc8-..-tabby-cat.png",
    }


def test_options_are_sent(server: Any, folder: Path) -> None:
    Image.new("RGB", (2, 2)).save("start.png")
    options = "--prior p --method m --steps 7 --start-learning-rate 1 --end-learning-rate .5 --decay 0 --bound-multiplier 2 --seed 1"
    options += " --reconstruction-weight .1 --langevin-noise .1 --end-langevin-noise 0"
    options += " --noise-level 9 --end-noise-level .2 --churn .5"
    options += " --start start.png --determinism strict --balance none --readout probability --variants 2"
    assert main(["synth", LEMON, "-o", "out", *options.split()]) == 0
    request = server.requests[-1]
    assert {field.name for field, _ in request.ListFields()} == {
        field.name for field in request.DESCRIPTOR.fields if field.name not in ("start_code", "preview_interval")
    }
    assert files(folder / "out") == {f"alexnet64-fc8-lemon{name}" for name in (".png", ".json", "-seed2.png", "-seed2.json")}


def test_a_pixel_method_takes_the_options_that_the_server_lists(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["synth", "--method", "pyramid", "--tv-weight", "0.5", LEMON, "--steps", "3", "--nonsense=-1e3", "--decay", "0.1"]
    assert main([*arguments, "--size", "48", "--seed", "2", "-o", "lemon.png"]) == 0
    request = server.requests[-1]
    assert dict(request.options) == {"tv_weight": 0.5, "steps": 3, "nonsense": -1000, "decay": pytest.approx(0.1)}
    assert (request.method, request.height, request.width, request.seed) == ("pyramid", 48, 48, 2)
    assert main(["synth", "--replay", "lemon.json", "-o", "again.png"]) == 0
    assert type(server.requests[-1]) is type(request)
    assert Path("again.png").read_bytes() == Path("lemon.png").read_bytes()


def test_sheet_alone_and_with_pictures(folder: Path) -> None:
    assert main(["synth", LEMON, TEAPOT, "--grid", "sheet.png"]) == 0
    assert files(folder) == {"sheet.png"}
    with Image.open("sheet.png") as sheet:
        assert sheet.width == 2 * 32 + 2 * 192 + 24
    assert main(["synth", LEMON, "--grid", "sheet.jpg", "-o", "new/", "--no-recipe"]) == 0
    assert files(folder) == {"sheet.png", "sheet.jpg", "new/alexnet64-fc8-lemon.png"}


def test_replay(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "-o", "lemon.png", "--steps", "2"]) == 0
    assert main(["synth", "--replay", "lemon.json", "-o", "again.png"]) == 0
    assert Path("again.png").read_bytes() == Path("lemon.png").read_bytes()
    assert server.requests[1].steps == 2
    recipe = json.loads(Path("lemon.json").read_text())
    recipe["model_digests"]["alexnet64"] = "d" * 64
    Path("old.json").write_text(json.dumps(recipe))
    capsys.readouterr()
    assert main(["synth", "--replay", "old.json", "-o", "again.png"]) == 0
    assert (
        capsys.readouterr().err == "dgnam: the picture may differ from the recipe's: weights of alexnet64: dddddddddddd, now cccccccccccc\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["synth"], "name at least one target"),
        (["synth", "lemon"], "'lemon' is not a unit address. Write model:tap:unit"),
        (["synth", LEMON, "--replay", "x.json"], "name at least one target"),
        (["synth", "--replay", "missing.json", "--steps", "3"], "leave them out beside --replay"),
        (["synth", LEMON, TEAPOT, "-o", "a.png"], "several pictures do not go into one file: write -o a/"),
        (["synth", LEMON, "--variants", "2", "-o", "a.png"], "several pictures"),
        (["synth", LEMON, "-o", "no/such/a.png"], "there is no folder no/such"),
        (["synth", LEMON, "--grid", "sheet"], "end the name in .png"),
        (["synth", LEMON, "--tv-weight", "1"], "--tv-weight is no option of dgn-am: it belongs to pyramid"),
        (["synth", LEMON, "--tw-weight", "1"], "--tw-weight is no option of dgn-am: no method has it; `dgnam methods` lists"),
        (["synth", LEMON, "--size", "48"], "--size is no option of dgn-am: it belongs to pyramid"),
        (["synth", LEMON, "--method", "pyramid", "--prior", "p"], "--prior is no option of pyramid, which draws without a prior"),
        (["synth", LEMON, "--method", "pyramid", "--tv-weight", "x"], "--tv-weight wants a number, but got 'x'"),
        (["synth", LEMON, "--method", "pyramid", "--tv-weight"], "--tv-weight wants a number"),
        (["synth", "--replay", "missing.json", "--tv-weight", "1"], "leave them out beside --replay"),
        (["methods", "pyramids"], "there is no method 'pyramids': there are dgn-am, pyramid"),
        (["synth", LEMON, "--seed", "-1"], "seed: -1 does not fit"),
        (["models", "--server", "localhost"], "write grpc://host:port"),
        (["models", "vgg"], "no model 'vgg'"),
        (["synth", "alexnet64:fc8:wrong"], "nearest: 'wren'"),
    ],
)
def test_bad_requests(arguments: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dgnam: ") and says in err and err.count("\n") == 1
    assert not files(folder)


@pytest.mark.parametrize("arguments", [[], ["draw"], ["synth", LEMON, "--steps", "x"], ["synth", LEMON, "--balance", "x"], ["units"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "usage: dgnam" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["synth", "--help"], ["models", "--help"], ["units", "--help"], ["doctor", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0 and "usage: dgnam" in capsys.readouterr().out


def test_failures_lose_no_other_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "alexnet64:fc8:cut", "alexnet64:fc8:wrong", "-o", "."]) == 2
    out, err = capsys.readouterr()
    assert "alexnet64-fc8-lemon.png" in out
    assert (
        err.startswith("dgnam: alexnet64:fc8:cut: the server ended the stream") and "\ndgnam: alexnet64:fc8:wrong: no unit 'wrong'" in err
    )
    assert main(["synth", LEMON, "alexnet64:fc8:cut", "-o", "."]) == 1


def test_missing_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "--replay", "none.json"]) == 1
    assert "none.json" in capsys.readouterr().err
    assert main(["synth", LEMON, "--start", "none.png"]) == 1
    assert "none.png" in capsys.readouterr().err


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, TEAPOT, "--server", "grpc://127.0.0.1:1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"dgnam: cannot reach the server at grpc://127\.0\.0\.1:1: .*`dgnam-server` starts one.*\n", err)


def test_the_servers_violations_are_listed(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="steps", description="at most 2000")
    server.fail(grpc.StatusCode.INVALID_ARGUMENT, "1 field is wrong", error_details_pb2.BadRequest(field_violations=[violation]))
    assert main(["synth", LEMON, "--steps", "9999"]) == 2
    assert capsys.readouterr().err == "dgnam: 1 field is wrong.\n  steps: at most 2000\n"


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["alexnet64", "classifier", "8", "x", "8", "fc8", "A", "classifier."]
    assert main(["models", "alexnet64"]) == 0
    assert "conv1 (16 x 4 x 4)" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["code"]["size"] == 5
    assert main(["models", "alexnet64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["taps"][0] == {"name": "conv1", "shape": [16, 4, 4]}


def test_a_model_for_which_nothing_can_be_drawn(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server.models[0].forward_only = "fc8: its gradient is zero"
    assert main(["models"]) == 0
    assert "A classifier.; nothing can be drawn for it" in capsys.readouterr().out
    assert main(["models", "alexnet64"]) == 0
    assert "its gradients cannot be used: fc8: its gradient is zero" in capsys.readouterr().out


def test_a_whole_tap_is_the_target(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(folder / "vector.npy", np.array([1.0, 0.0, -2.0]))
    Image.new("RGB", (4, 4), "red").save(folder / "photo.png")
    assert main(["synth", "alexnet64:fc7", "--direction", "vector.npy"]) == 0
    assert main(["synth", "alexnet64:conv3", "--features", "photo.png", "--quiet"]) == 0
    directed, features = (request.target.terms[0].unit for request in server.requests[-2:])
    assert (directed.model, directed.tap, directed.WhichOneof("unit")) == ("alexnet64", "fc7", "direction")
    assert (features.tap, features.features_of) == ("conv3", (folder / "photo.png").read_bytes())
    capsys.readouterr()
    for arguments, message in (
        (
            ["alexnet64:fc7:3", "--direction", "vector.npy"],
            "beside --direction a target is a whole tap, such as alexnet64:conv3, not alexnet64:fc7:3",
        ),
        (["alexnet64:fc7", "--direction", "photo.png"], "--direction photo.png: it cannot be read as an array that numpy.save wrote"),
        (["--replay", "recipe.json", "--features", "photo.png"], "a recipe holds all options"),
    ):
        assert main(["synth", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["units", "alexnet64:fc8", "--filter", "cat"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["2      tabby cat  alexnet64:fc8:tabby cat"]
    assert main(["units", "alexnet64"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1206
    assert main(["units", "alexnet64", "--filter", "zebra"]) == 0
    assert capsys.readouterr() == ("", "dgnam: no unit of alexnet64 has 'zebra' in its label\n")
    assert main(["units", "alexnet64", "--filter", "zebra", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_methods(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert "dgn-am (default)" in out and re.search(r"--steps +1 to 2000 +4 ", out) and "the prior's own" in out
    assert "pyramid (default), of pixels" in out and "the same" in out
    assert main(["methods", "pyramid"]) == 0
    out = capsys.readouterr().out
    assert "--tv-weight" in out and "dgn-am" not in out
    assert main(["methods", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["default_prior"] == "fc6-prior"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_for_each_picture() -> None:
    terminal = Terminal()
    with _cli._Bars(["lemon", "cat"], 2, terminal, quiet=False) as bars:
        assert len(bars._bars) == 4
        bars(0, Queued(3))
        bars(1, Progress((VariantProgress(1, 2, 4, 1.5),)))
        bars(1, Progress((VariantProgress(7, 2, 4, 1.5),)))  # of a variant that nobody asked for
    shown = terminal.getvalue()
    assert "waits behind 3" in shown and "2/4 steps" in shown and "activation 1.5" in shown


def test_no_bars_off_a_terminal_or_when_quiet() -> None:
    for file, quiet in ((Terminal(), True), (io.StringIO(), False)):
        with _cli._Bars(["lemon"], 1, file, quiet=quiet) as bars:
            bars(0, Progress((VariantProgress(0, 2, 4, 1.5),)))
        assert file.getvalue() == ""


def command(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dgnam_client", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_ctrl_c_stops_the_server(server: Any) -> None:
    with command("synth", "alexnet64:fc8:slow", LEMON) as process:
        while not any(request.target.terms[0].unit.label == "slow" for request in list(server.requests)):
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "dgnam: stopped\n")
    assert server.cancelled.acquire(timeout=5)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with command("units", "alexnet64") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(30) == 1
        assert process.stderr.read() == ""


def test_version() -> None:
    with command("--version") as process:
        assert process.communicate(timeout=30) == ("dgnam 0.1.0\n", "")
