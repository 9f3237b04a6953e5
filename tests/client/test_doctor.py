from __future__ import annotations

from typing import Any

import grpc
import pytest
from dgnam_client import Client
from dgnam_client._cli import main
from dgnam_client._doctor import examine

CHECKS = ["address", "reach", "health", "versions", "models", "picture"]


def unwell(client: Client) -> dict[str, str]:
    findings = list(examine(client))
    assert [finding.name for finding in findings] == CHECKS
    return {finding.name: finding.text for finding in findings if not finding.ok}


def test_all_is_well(client: Client, server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert unwell(client) == {}
    assert dict(server.requests[-1].options) == {"steps": 1}
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and all(line.startswith("ok    ") for line in lines)
    assert "8 x 8 px of alexnet64:fc8:0 after 1 step" in lines[-1]


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--server", "grpc://127.0.0.1:1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("FAIL  reach") and "`dgnam-server` starts one" in lines[1]


def test_a_server_that_shuts_down(client: Client, server: Any) -> None:
    server.health.enter_graceful_shutdown()
    assert list(unwell(client)) == ["health"]


@pytest.mark.parametrize(("version", "fits"), [("0.1.9", True), ("0.2.0", False), ("1.1.0", False), ("", False)])
def test_versions(client: Client, server: Any, version: str, fits: bool) -> None:
    server.version = version
    assert ("versions" not in unwell(client)) == fits


def test_a_server_without_models(client: Client, server: Any) -> None:
    server.models = server.models[1:]
    findings = unwell(client)
    assert list(findings) == ["models", "picture"] and "0 to look at, 1 to draw with" in findings["models"]


def test_a_picture_that_fails(client: Client, server: Any) -> None:
    for _ in range(3):
        server.fail(grpc.StatusCode.UNAUTHENTICATED, "no token")
    findings = unwell(client)
    assert list(findings) == ["versions", "models", "picture"] and "DGNAM_TOKEN" in findings["picture"]
