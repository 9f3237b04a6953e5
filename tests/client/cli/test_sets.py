"""Sets of pictures: nothing is lost, and what there is is told."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from dgnam_client import DgnamError
from dgnam_client._cli import addresses, judge, main, names, sweeps
from dgnam_client._cli.sweeps import Scored
from PIL import Image

LEMON, TEAPOT, VARIED, WRONG = (f"alexnet64:fc8:{name}" for name in ("lemon", "teapot", "varied", "wrong"))


def table(path: str) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.png")}


def test_ranges_and_files_of_targets(tmp_path: Path) -> None:
    file = tmp_path / "units.txt"
    file.write_text("\ufeff# two\nv4:rates:7\n\n v4:rates:0-1@2,3 \n", encoding="utf-8")
    assert addresses.expand([f"@{file}", "v4:it:9-10", "a:b:1999-2000 model"]) == [
        *("v4:rates:7", "v4:rates:0@2,3", "v4:rates:1@2,3", "v4:it:9", "v4:it:10"),
        "a:b:1999-2000 model",  # a label, not a range
    ]
    assert addresses.expand(["a:b:1-2+c:d:lemon"]) == ["a:b:1+c:d:lemon", "a:b:2+c:d:lemon"]
    file.write_bytes("v4:rates:\xe9".encode("latin-1"))
    for text in (f"@{file}", "a:b:0-1+c:d:0-1", "a:b:0-999999999999"):
        with pytest.raises(DgnamError, match="not UTF-8|two ranges|names 1000000000000 units"):
            addresses.expand([text])


def test_names_fit_any_file_system_and_are_never_the_same() -> None:
    texts = ["a:b:tabby cat", "a:b:tabby-cat", "a:b:Lemon", "a:b:lemon", "a:b:" + "漢" * 300, "a:b:" + "漢" * 301, "::", "a:b:plain"]
    made = names.stems(texts)
    assert len({name.casefold() for name in made}) == len(texts) and made[-1] == "a-b-plain"
    assert all(len(f".{name}-seed{2**63}.history.csv.12345678".encode()) <= 255 for name in made)
    assert names.stems(texts[4:5]) == made[4:5], "a name does not depend on its neighbours"


def test_thirty_units_with_table_and_history(folder: Path) -> None:
    assert main(["synth", "alexnet64:conv1:0-13@1,2", "alexnet64:fc8:0-1", "-o", "set/", "--table", "set.csv", "--history"]) == 0
    rows = table("set.csv")
    assert len(rows) == 16 and {row["address"] for row in rows} >= {"alexnet64:conv1:13@1,2", "alexnet64:fc8:1"}
    (row,) = (row for row in rows if row["address"] == "alexnet64:fc8:1")
    assert {key: row[key] for key in ("label", "seed", "activation", "activation_1", "readout", "ending", "method")} == {
        "label": "teapot",
        "seed": "0",
        "activation": "12.5",
        "activation_1": "12.5",
        "readout": "activation",
        "ending": "steps-done",
        "method": "dgn-am",
    }
    assert Path(row["file"]).is_file() and Path(row["recipe"]).is_file()
    history = (folder / "set/alexnet64-fc8-1-seed0.history.csv").read_text()
    assert history == "step,alexnet64:fc8:1\n1,0\n2,1\n3,2\n4,3\n"


def test_a_table_as_parquet(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert main(["synth", LEMON, f"{LEMON}+{TEAPOT}", "--table", "set.parquet"]) == 0
    assert main(["synth", LEMON, VARIED, "--table", "set.parquet", "--skip-existing"]) == 0
    found = {row["address"]: row for row in parquet.read_table("set.parquet").to_pylist()}
    assert found.keys() == {LEMON, f"{LEMON}+{TEAPOT}", VARIED} and found[LEMON]["activation"] == 12.5
    assert [found[name]["activation_2"] for name in (LEMON, f"{LEMON}+{TEAPOT}")] == [None, 12.5]


def test_what_is_there_is_skipped(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, WRONG, "--variants", "2", "--steps", "3", "--table", "t.csv"]) == 2
    before = (folder / "alexnet64-fc8-lemon-seed0.png").stat().st_mtime_ns
    (folder / "alexnet64-fc8-lemon-seed1.png").unlink()
    server.requests.clear()
    capsys.readouterr()
    assert main(["synth", LEMON, TEAPOT, "--variants", "2", "--steps", "3", "--skip-existing", "--table", "t.csv"]) == 0
    assert "1 of 4 pictures are there already" in capsys.readouterr().err
    assert (folder / "alexnet64-fc8-lemon-seed0.png").stat().st_mtime_ns == before
    assert sorted((request.target.terms[0].unit.label, request.seed) for request in server.requests if hasattr(request, "target")) == [
        *(("lemon", 1), ("teapot", 0), ("teapot", 1)),
    ]
    rows = {(row["address"], row["seed"]): row["ending"] for row in table("t.csv")}
    assert rows[LEMON, "0"] == rows[LEMON, "1"] == rows[TEAPOT, "0"] == "steps-done" and rows[WRONG, "0"] == "failed"
    # What was drawn before there was a table has a row too; the folder of the pictures need not be there.
    assert main(["synth", LEMON, "-o", "new/", "--steps", "3", "--grid", "new/sheet.png"]) == 0
    assert main(["synth", LEMON, TEAPOT, "-o", "new/", "--steps", "3", "--table", "new/t.csv", "--skip-existing"]) == 0
    assert {row["address"]: (row["ending"], row["activation"]) for row in table("new/t.csv")} == {
        LEMON: ("drawn before", ""),
        TEAPOT: ("steps-done", "12.5"),
    }
    capsys.readouterr()
    # Pictures of another method or of other options are not taken for those that are asked for.
    assert main(["synth", LEMON, "--steps", "9", "--skip-existing"]) == 1
    assert "was drawn otherwise (steps 3): write into another folder" in capsys.readouterr().err


def test_one_that_cannot_be_written_loses_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "alexnet64-fc8-lemon-seed0.png").mkdir()
    assert main(["synth", LEMON, TEAPOT, "--table", "t.csv"]) == 1
    assert "alexnet64:fc8:lemon: alexnet64-fc8-lemon-seed0.png cannot be written: Is a directory" in capsys.readouterr().err
    assert {path.name for path in folder.iterdir()} == {
        *("alexnet64-fc8-lemon-seed0.png", "alexnet64-fc8-teapot-seed0.png", "alexnet64-fc8-teapot-seed0.json", "t.csv"),
    }, "of the picture that failed, no recipe and no draft is left"
    assert {row["address"]: row["ending"] for row in table("t.csv")} == {LEMON: "failed", TEAPOT: "steps-done"}


def test_a_console_that_lacks_letters(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    assert main(["synth", "alexnet64:fc8:漢字", LEMON]) == 0
    console.flush()
    assert b"\\u6f22\\u5b57-seed0.png" in console.buffer.getvalue()  # type: ignore[attr-defined]
    assert pictures(folder) == {"alexnet64-fc8-漢字-seed0.png", "alexnet64-fc8-lemon-seed0.png"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_or_closed_output_stops_no_drawing(command: Any, folder: Path) -> None:
    import subprocess

    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dgnam_client", "synth", "alexnet64:fc8:0-3"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.stderr == "dgnam: what follows cannot be printed, but is drawn and written all the same: No space left on device\n"
    assert len(pictures(folder)) == 4
    with command("synth", "alexnet64:fc8:4-7") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert len(pictures(folder)) == 8


def test_rank_keeps_the_best_by_target_and_by_judge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Seeds 0 to 4 give 0, 2, 4, 1, 3.
    assert main(["synth", VARIED, "--rank", "5", "--table", "t.csv", "--grid", "sheet.png", "-o", "best/"]) == 0
    assert pictures(folder / "best") == {"alexnet64-fc8-varied-seed2.png"}
    assert "activation 4, 4 steps, seed 2, best of 5 by the target" in capsys.readouterr().out
    kept = {row["seed"]: row["kept"] for row in table("t.csv")}
    assert kept == {"0": "", "1": "", "2": "best of 5 by the target", "3": "", "4": ""}
    assert main(["synth", LEMON, "--rank", "3", "--judge", "alexnet64", "-o", "judged/", "--table", "j.csv"]) == 0
    out = capsys.readouterr().out
    assert "judge 0.0%" in out and "best of 3 by the target" in out and "by alexnet64" in out
    assert main(["synth", LEMON, "--rank", "3", "--judge", "alexnet64", "-o", "one.png"]) == 2
    assert "several pictures do not fit into one file" in capsys.readouterr().err
    assert all(0 <= float(row["judge_probability"]) < 1 and row["judge"] == "alexnet64" for row in table("j.csv"))


def test_what_a_judge_reads() -> None:
    import numpy as np

    assert judge.probabilities(np.array([0.0, np.log(3)])) == pytest.approx([0.25, 0.75])
    assert judge.probabilities(np.array([0.2, 0.8])) == pytest.approx([0.2, 0.8])


def test_hidden_units_are_cut_to_what_they_see(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The small server's conv1 has a map of 4 x 4 over 8 x 8 pixels; a position sees 4 rows and 3 columns.
    assert main(["synth", "alexnet64:conv1:5@2,1", "alexnet64:fc8:lemon", "--crop-to-field", "--grid", "s.png", "-o", "cut/"]) == 0
    with Image.open("cut/alexnet64-conv1-5-2-1-seed0.png") as cut, Image.open("cut/alexnet64-fc8-lemon-seed0.png") as whole:
        assert (cut.size, whole.size) == ((3, 4), (8, 8))
        assert "alexnet64:fc8:lemon: not cropped" in capsys.readouterr().err
    assert main(["synth", "alexnet64:conv1:5@4,1", "--crop-to-field"]) == 2
    assert "a map of 4 x 4 has no position 4, 1" in capsys.readouterr().err


def test_a_sweep_draws_every_combination_and_ranks_them(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--sweep",
        "steps=1,2",
        "--sweep",
        "start-learning-rate=0.02,0.05,0.1",
        "--grid",
        "sheet.png",
        "-o",
        "sweep/",
        "--columns",
        "3",
    ]
    assert main(["synth", LEMON, *arguments, "--table", "t.csv"]) == 0
    sent = {
        (request.options["steps"], request.options["start_learning_rate"]) for request in server.requests if hasattr(request, "options")
    }
    assert sent == {(steps, rate) for steps in (1, 2) for rate in (0.02, 0.05, 0.1)}
    assert len(pictures(folder / "sweep")) == 6 and "alexnet64-fc8-lemon-steps-2-start_learning_rate-0.05-seed0.png" in pictures(folder)
    out = capsys.readouterr().out
    assert "RANK  STEPS  START_LEARNING_RATE  MEAN ACTIVATION  PICTURES" in out
    assert {row["setting"] for row in table("t.csv")} >= {"steps 1, start_learning_rate 0.02"}
    with Image.open("sheet.png") as sheet:
        assert sheet.width == 2 * 32 + 3 * 192 + 2 * 24
    assert main(["synth", LEMON, "--sweep", "method=dgn-am,pyramid", "-o", "methods/"]) == 0
    assert {type(request).__name__ for request in server.requests[-2:]} == {"SynthesizeRequest", "SynthesizePixelsRequest"}


def test_settings_are_ranked_by_their_mean() -> None:
    pictures = [Scored({"decay": "0"}, 1, 0.5), Scored({"decay": "1"}, 4, 0.1), Scored({"decay": "0"}, 5), Scored({"decay": "2"}, 0)]
    assert sweeps.ranked(pictures) == [({"decay": "1"}, 4, 0.1, 1), ({"decay": "0"}, 3, 0.5, 2), ({"decay": "2"}, 0, None, 1)]
