"""The client runs with the oldest gRPC and protobuf that it allows, and with the newest there are."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDEST = ("grpcio==1.66.2", "protobuf==5.27.2")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("runtime", [OLDEST, ()], ids=["oldest", "newest"])
def test_client(runtime: tuple[str, ...], tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path)
    run(tmp_path / "bin/pip", "install", "-qq", "--disable-pip-version-check", ROOT / "proto", ROOT / "client", *runtime)
    run(tmp_path / "bin/python", "-W", "error", "-c", "from dgnam_client import AsyncClient, Client")
    assert "usage" in run(tmp_path / "bin/dgnam", "--help").lower()


def test_oldest_is_what_the_contract_declares() -> None:
    declared = (ROOT / "proto/pyproject.toml").read_text()
    generator = (ROOT / "scripts/generate-proto").read_text()
    for requirement in OLDEST:
        assert f'"{requirement.replace("==", ">=")}' in declared
        assert requirement in generator


def run(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
