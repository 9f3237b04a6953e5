"""`dgnam models` and `dgnam units`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dgnam_client._cli import main


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


def test_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["units", "alexnet64:fc8", "--filter", "cat"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["2      tabby cat  alexnet64:fc8:tabby cat"]
    assert main(["units", "alexnet64"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1206
    assert main(["units", "alexnet64", "--filter", "zebra"]) == 0
    assert capsys.readouterr() == ("", "dgnam: no unit of alexnet64 has 'zebra' in its label\n")
    assert main(["units", "alexnet64", "--filter", "zebra", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("arguments", [["models", "vgg"], ["units", "alexnet64", "--server", "http://localhost"]])
def test_bad_requests(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and ("no model 'vgg'" in err or "write host:port, or grpcs://host:port for TLS" in err)
