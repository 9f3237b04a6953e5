"""What the client's tests ask of a server they ask of a cluster, in the browser too: no test may notice that there are several."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("tests", "switch"),
    [
        pytest.param("tests/client", {"TEST_THROUGH": "front"}, id="the client's own, through a front"),
        pytest.param("tests/e2e", {"TEST_RAY": "local"}, id="those with a real server, on two replicas"),
    ],
)
def test_the_clients_tests(tests: str, switch: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow or browser", "--timeout", "1200", tests]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **switch}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
