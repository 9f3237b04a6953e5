"""`dgnam methods`, and a method's options in `dgnam synth --help`."""

from __future__ import annotations

import json
import re

import pytest
from dgnam_client._cli import main


def test_methods(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert (
        "dgn-am (default), with a prior" in out
        and re.search(r"--steps +1 to 2000, integer +4 +method +Steps", out)
        and "the prior's" in out
    )
    assert "pyramid (default), of pixels" in out and "as --tv-weight" in out
    assert main(["methods", "pyramid"]) == 0
    out = capsys.readouterr().out
    assert "--tv-weight" in out and "dgn-am" not in out
    assert main(["methods", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["default_prior"] == "fc6-prior"


def test_a_misspelt_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "pyramids"]) == 2
    assert "there is no method 'pyramids': did you mean pyramid?" in capsys.readouterr().err


def test_help_of_a_method_comes_from_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "alexnet64:fc8:lemon", "--help", "--method", "pyramid", "--tv-weight", "1"]) == 0
    out, err = capsys.readouterr()
    fixed, own = out.split("options of pyramid:\n")
    assert "usage: dgnam synth" in fixed and "--seed" in fixed and "--octaves" not in fixed
    assert [line.split()[0] for line in own.splitlines()] == ["OPTION", "--steps", "--tv-weight", "--end-tv-weight", "--octaves"]
    assert re.search(r"--octaves +1 to 9, integer +2 +octaves +Resolutions", own)
    assert err == ""
    assert main(["synth", "--help", "--method", "pyramyd"]) == 2
    assert "did you mean pyramid?" in capsys.readouterr().err


def test_help_where_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "-h", "--method", "pyramid", "--server", "127.0.0.1:1"]) == 0
    out, err = capsys.readouterr()
    assert "usage: dgnam synth" in out and "options of" not in out
    assert err.startswith("dgnam: the options of pyramid are not listed: cannot reach the server at grpc://127.0.0.1:1")
    assert err.count("\n") == 1


def test_help_without_a_method_asks_nobody(capsys: pytest.CaptureFixture[str], server: object) -> None:
    assert main(["synth", "--help"]) == 0
    assert "--method NAME --help" in capsys.readouterr().out
    assert not server.requests  # type: ignore[attr-defined]
