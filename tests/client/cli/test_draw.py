"""`dgnam draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client._cli import main

LEMON = "alexnet64:fc8:lemon"


def test_a_code_of_before(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, "-o", "lemon.png", "--code"]) == 0
    capsys.readouterr()
    assert main(["draw", "lemon.code.npy", "-o", "again.png", "--prior", "fc6-prior"]) == 0
    assert capsys.readouterr() == ("again.png\n", "")
    assert Path("again.png").read_bytes() == Path("lemon.png").read_bytes()
    assert server.requests[-1].prior == "fc6-prior"
    assert main(["draw", "lemon.code.npy", "-o", "again.npy"]) == 0
    assert np.load("again.npy").shape == (8, 8, 3)


def test_several_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("codes.npy", np.arange(10).reshape(2, 5))
    assert main(["draw", "codes.npy", "-o", "out"]) == 0
    assert capsys.readouterr().out.split() == ["out/codes-0.png", "out/codes-1.png"]
    assert main(["draw", "codes.npy"]) == 0
    assert Path("codes-1.png").read_bytes() == Path("out/codes-1.png").read_bytes()


def test_bad_requests(server: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("codes.npy", np.zeros((2, 5)))
    np.save("cube.npy", np.zeros((2, 2, 5)))
    np.save("number.npy", np.zeros(()))
    Path("text.npy").write_text("not an array")
    for arguments, says in (
        (["none.npy"], "none.npy cannot be read"),
        (["text.npy"], "text.npy cannot be read as an array that numpy.save wrote"),
        (["codes.npy", "-o", "a.png"], "several pictures do not fit into one file: write -o a/"),
        (["cube.npy"], "codes: an array of shape (2, 2, 5) does not fit"),
        (["number.npy"], "codes: an array of shape () does not fit"),
        (["codes.npy", "-o", "no/such/a.png"], "there is no folder no/such"),
    ):
        assert main(["draw", *arguments]) == 2
        assert says in capsys.readouterr().err
    assert not server.requests
