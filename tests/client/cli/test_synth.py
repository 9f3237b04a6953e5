from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_client._cli import main
from google.rpc import error_details_pb2
from PIL import Image

LEMON = "alexnet64:fc8:lemon"
TEAPOT = "alexnet64:fc8:teapot"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_one_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "-o", "lemon.png", "--seed", "3"]) == 0
    assert capsys.readouterr() == ("lemon.png  activation 12.5, 4 steps, seed 3\n", "")
    assert files(folder) == {"lemon.png", "lemon.json"}


def test_a_target_without_a_gradient_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "alexnet64:fc8:silent", "-o", "silent.png"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("dgnam: silent.png: no gradient: the picture says nothing of the target, as its unit is silent or saturated")
    assert "try a tap before it, another --seed, a --start" in told


def test_names_are_made_from_targets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, LEMON, f"-0.5*{LEMON}+alexnet64:conv5:1@2,3", "alexnet64:fc8:../tabby cat", "--no-recipe"]) == 0
    assert files(folder) == {
        "alexnet64-fc8-lemon-seed0.png",
        "0.5-alexnet64-fc8-lemon+alexnet64-conv5-1-2-3-seed0.png",
        "alexnet64-fc8-..-tabby-cat-seed0.png",
    }
    assert "named twice, drawn once: alexnet64:fc8:lemon" in capsys.readouterr().err


def test_options_are_sent(server: Any, folder: Path) -> None:
    Image.new("RGB", (2, 2)).save("start.png")
    options = "--prior p --method dgn-am --steps 7 --start-learning-rate=1 --decay 0 --seed 1"
    options += " --start start.png --determinism strict --balance none --readout probability --variants 2 --size 48 --fit crop"
    options += " --priority batch --queue-timeout-s 5"
    assert main(["synth", LEMON, "-o", "out", *options.split()]) == 0
    request = server.requests[-1]
    assert {field.name for field, _ in request.ListFields()} == {
        field.name for field in request.DESCRIPTOR.fields if field.name not in ("start_code", "preview_interval", "variants", "hole")
    }
    assert sorted(request.seed for request in server.requests[-2:]) == [1, 2]
    assert (request.priority, request.queue_timeout_s) == (2, 5.0)
    assert dict(request.options) == {"steps": 7, "start_learning_rate": 1, "decay": 0}
    assert files(folder / "out") == {f"alexnet64-fc8-lemon-seed{name}" for name in ("1.png", "1.json", "2.png", "2.json")}


def test_a_pixel_method_takes_the_options_that_the_server_lists(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["synth", "--method", "pyramid", "--tv-weight", "0.5", LEMON, "--steps", "3", "--end-tv-weight=-1e3"]
    assert main([*arguments, "--size", "48", "--seed", "2", "-o", "lemon.png"]) == 0
    request = server.requests[-1]
    assert dict(request.options) == {"tv_weight": 0.5, "steps": 3, "end_tv_weight": -1000}
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
    assert files(folder) == {"sheet.png", "sheet.jpg", "new/alexnet64-fc8-lemon-seed0.png"}


def test_replay(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "-o", "lemon.png", "--steps", "2"]) == 0
    assert main(["synth", "--replay", "lemon.json", "-o", "again.png"]) == 0
    assert Path("again.png").read_bytes() == Path("lemon.png").read_bytes()
    assert server.requests[-1].options["steps"] == 2
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
        (["synth", LEMON, TEAPOT, "-o", "a.png"], "several pictures do not fit into one file: write -o a/"),
        (["synth", LEMON, "--variants", "2", "-o", "a.png"], "several pictures"),
        (["synth", LEMON, "-o", "no/such/a.png"], "there is no folder no/such"),
        (["synth", LEMON, "--grid", "sheet"], "end the name in .png"),
        (["synth", LEMON, "--table", "t.txt"], "--table t.txt: end the name in .csv or .parquet"),
        (["synth", LEMON, "--columns", "0", "--rank", "0"], "--rank: 0 is less than 1; --columns: 0 is less than 1; --columns is of the"),
        (["synth", LEMON, "--rank", "2", "--variants", "2"], "leave one of the two out"),
        (["synth", "alexnet64:fc8:9-3"], "'alexnet64:fc8:9-3' runs backwards. Write 3-9."),
        (["synth", "@none.txt"], "@none.txt: the file of targets cannot be read: No such file"),
        (["synth", LEMON, "--sweep", "steps"], "--sweep steps: write an option and its values"),
        (
            ["synth", LEMON, "--sweep", "steps=1,", "--sweep", "seed=1,2"],
            "steps=50,100,200; --sweep seed=1,2: seed cannot",
        ),
        (["synth", LEMON, "--sweep", "stpes=1,2"], "--stpes is not an option of dgn-am: did you mean --steps"),
        (["synth", LEMON, "--sweep", "steps=1,x"], "--steps: 'x' is not a number"),
        (["synth", LEMON, "--steps", "3", "--sweep", "steps=1,2"], "steps is also given as an option"),
        (["synth", "alexnet64:fc7:3", "--judge", "alexnet64"], "no label says what alexnet64:fc7:3 should look like"),
        (["synth", "alexnet64:fc8:pear", "--judge", "alexnet64"], "--judge alexnet64: it does not know pear"),
        (["synth", "alexnet64:conv1:3", "--crop-to-field"], "name a position, such as alexnet64:conv1:3@2,2"),
        (["synth", LEMON, "--tv-weight", "1"], "--tv-weight is not an option of dgn-am, but of pyramid, inversion."),
        (["synth", LEMON, "--method", "pyramid", "--tw-weight", "1"], "--tw-weight is not an option of pyramid: did you mean --tv-weight"),
        (["synth", LEMON, "--sed", "1"], "--sed is not an option of dgn-am: did you mean --seed"),
        (["synth", LEMON, "--nonsense", "1"], "--nonsense is not an option of dgn-am: `dgnam methods dgn-am` lists them"),
        (
            ["synth", LEMON, "--stpes", "1", "--dcay", "x"],
            "did you mean --steps?; --dcay is not an option of dgn-am: did you mean --decay?",
        ),
        (["synth", LEMON, "--method", "pyramid", "--prior", "p"], "--prior is not an option of pyramid, but of dgn-am."),
        (["synth", LEMON, "--method", "pyramid", "--tv-weight", "x"], "--tv-weight: 'x' is not a number"),
        (["synth", LEMON, "--method", "pyramid", "--tv-weight"], "--tv-weight: a number must follow"),
        (["synth", LEMON, "--method", "pyramyd"], "there is no method 'pyramyd': did you mean pyramid?"),
        (["synth", LEMON, "--method", "x"], "there is no method 'x': there are dgn-am, pyramid, inversion."),
        (["synth", LEMON, "--start", "none.npy"], "none.npy cannot be read as an array that numpy.save wrote"),
        (["synth", "--replay", "missing.json", "--tv-weight", "1"], "leave them out beside --replay"),
        (["synth", LEMON, "--seed", "-1"], "seed: -1 is not an integer from 0 to 2^64 - 1"),
        (["synth", "alexnet64:fc8:wrong"], "nearest: 'wren'"),
    ],
)
def test_bad_requests(arguments: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dgnam: ") and says in err and err.count("\n") == 1
    assert not files(folder)


def test_failures_lose_no_other_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "alexnet64:fc8:cut", "alexnet64:fc8:wrong", "-o", "."]) == 2
    out, err = capsys.readouterr()
    assert "alexnet64-fc8-lemon-seed0.png" in out
    cut, wrong = sorted(err.splitlines())
    assert cut.startswith("dgnam: alexnet64:fc8:cut: the server ended the stream")
    assert wrong.startswith("dgnam: alexnet64:fc8:wrong: no unit 'wrong'")
    assert main(["synth", LEMON, "alexnet64:fc8:cut", "-o", "."]) == 1


def test_missing_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "--replay", "none.json"]) == 1
    assert "none.json" in capsys.readouterr().err
    assert main(["synth", LEMON, "--start", "none.png"]) == 1
    assert "none.png" in capsys.readouterr().err


def test_the_servers_violations_are_listed(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="steps", description="at most 2000")
    server.fail(grpc.StatusCode.INVALID_ARGUMENT, "1 field is wrong", error_details_pb2.BadRequest(field_violations=[violation]))
    assert main(["synth", LEMON, "--seed", "9"]) == 2
    assert capsys.readouterr().err == "dgnam: 1 field is wrong.\n  steps: at most 2000\n"


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
            "with --direction a target is a whole tap, such as alexnet64:conv3, not alexnet64:fc7:3",
        ),
        (["alexnet64:fc7", "--direction", "photo.png"], "photo.png cannot be read as an array that numpy.save wrote"),
        (["--replay", "recipe.json", "--features", "photo.png"], "a recipe holds all options"),
    ):
        assert main(["synth", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_codes_are_written_and_started_from(server: Any, folder: Path) -> None:
    assert main(["synth", LEMON, "-o", "lemon.jpg", "--code", "--no-recipe"]) == 0
    assert files(folder) == {"lemon.jpg", "lemon.code.npy"}
    assert main(["synth", LEMON, "--start", "lemon.code.npy", "-o", "again.png"]) == 0
    assert list(server.requests[-1].start_code.shape) == [5]


def test_ranges_are_the_servers_to_check(server: Any, folder: Path) -> None:
    assert main(["synth", LEMON, "--decay", "7"]) == 0  # out of the range that it lists
    assert dict(server.requests[-1].options) == {"decay": 7}
