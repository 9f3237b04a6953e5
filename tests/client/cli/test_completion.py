"""`dgnam completion`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from dgnam_client._cli import main


def test_the_methods_options_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh"):
        assert main(["completion", shell]) == 0
        out, err = capsys.readouterr()
        assert err == "" and all(word in out for word in ("activations", "--seed", "--tv-weight", "pyramid"))


def test_bash_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = (
        capsys.readouterr().out
        + """
COMP_WORDS=(dgnam synth --tv)
COMP_CWORD=2
_shtab_dgnam dgnam --tv synth
echo "${COMPREPLY[@]}"
"""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["--tv-weight"]


def test_without_a_server_the_fixed_options_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash", "--server", "127.0.0.1:1"]) == 0
    out, err = capsys.readouterr()
    assert "--seed" in out and "--tv-weight" not in out
    assert err.startswith("dgnam: the methods' options are not completed: cannot reach")


def test_without_its_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'dgnam-client[completion]'" in capsys.readouterr().err
