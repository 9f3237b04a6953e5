"""The client works where PyTorch is not installed."""

import subprocess
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAVY = {"torch", "torchvision", "safetensors", "onnxruntime", "dgnam_models", "dgnam_server"}

# Imports of the heavy packages fail as if they were not installed; then the code given runs.
WITHOUT_TORCH = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def without_torch(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH + code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import() -> None:
    assert without_torch("from dgnam_client import *") == "", "importing prints nothing"


def test_every_public_name() -> None:
    without_torch("import dgnam_client as d; [getattr(d, name) for name in d.__all__]")


def test_command_line() -> None:
    help_text = without_torch("sys.argv = ['dgnam', '--help']; from dgnam_client._cli import main; sys.exit(main())")
    assert "usage" in help_text.lower()


def test_requirements() -> None:
    """Nothing that the client needs, directly or not, is PyTorch or anything else heavy."""
    seen: set[str] = set()
    left = ["dgnam-client"]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            needed = [Requirement(line) for line in requires(name) or []]
            left += [canonicalize_name(one.name) for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert "grpcio" in seen, "the walk found the requirements"
    assert not seen & {canonicalize_name(name) for name in HEAVY}
