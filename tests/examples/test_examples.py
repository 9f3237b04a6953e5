"""The examples run as their docstrings say, against a real server, and their pictures show what they promise."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dgnam_client import Client, LocalServer, Recipe, local_server
from PIL import Image

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
STEPS = "4"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The bundled models on the processor."""
    folder = tmp_path_factory.mktemp("server")
    with local_server(folder, device="cpu", threads=1, batch_rows=8, state_dir=folder / "state") as running:
        yield running


def run(folder: Path, *command: str | Path, **variables: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | variables  # small work waits for its other threads on a busy machine
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(folder: Path, name: str, *arguments: str | Path, server: LocalServer | None = None) -> str:
    variables = {"DGNAM_SERVER": server.address} if server else {}
    return run(folder, sys.executable, "-W", "error", EXAMPLES / name, *arguments, **variables)


def pixels(path: Path) -> np.ndarray:
    """A picture file's values, (height, width, 3) of 0 to 255."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_first_picture(server: LocalServer, tmp_path: Path) -> None:
    said = example(tmp_path, "first_picture.py", "alexnet64:fc8:lemon", "--steps", STEPS, "--out", "lemon.png", server=server)
    assert pixels(tmp_path / "lemon.png").shape == (64, 64, 3)
    assert "after 4 steps" in said
    with Client(server.address) as client:
        again = client.replay(Recipe.load(tmp_path / "lemon.json"))
    assert np.abs(np.asarray(again.image).astype(int) - pixels(tmp_path / "lemon.png")).max() <= 1


def test_pairs(server: LocalServer, tmp_path: Path) -> None:
    said = example(tmp_path, "pairs.py", "lemon", "ladybug", "--steps", STEPS, server=server)
    assert [line.split(":")[0].strip() for line in said.splitlines()] == ["none", "gradient-norm", "equal-activation"]
    assert all("lemon" in line and "ladybug" in line for line in said.splitlines())
    assert pixels(tmp_path / "pair.png").shape[1] > 3 * 64


def test_many_asyncio(server: LocalServer, tmp_path: Path) -> None:
    example(tmp_path, "many_asyncio.py", "lemon", "goldfish", "alp", "--steps", STEPS, server=server)
    pictures = [pixels(tmp_path / f"{name}.png") for name in ("lemon", "goldfish", "alp")]
    assert {picture.shape for picture in pictures} == {(64, 64, 3)}
    assert (pictures[0] != pictures[1]).any()


def test_search_rig(server: LocalServer, tmp_path: Path) -> None:
    said = example(tmp_path, "search_rig.py", "--max-pictures", "160", "--folder", "rig", server=server)
    means = [float(line.split("mean ")[1].split(",")[0]) for line in said.splitlines()]
    assert len(means) == 4 and max(means[2:]) > means[0]
    assert len(list((tmp_path / "rig").glob("*.score"))) == 160
    assert pixels(tmp_path / "simulated-rig.png").shape == (64, 64, 3)
    assert example(tmp_path, "search_rig.py", "--max-pictures", "160", "--folder", "rig", server=server) == "", "it is over"


def roughness(picture: np.ndarray) -> float:
    """How much more a picture changes from left to right than from top to bottom: above 1 for standing stripes."""
    grey = picture.astype(float).mean(-1)
    return float(np.abs(np.diff(grey, axis=1)).mean() / np.abs(np.diff(grey, axis=0)).mean())


def test_own_module(tmp_path: Path) -> None:
    said = example(tmp_path, "own_module.py", "--steps", "60")
    assert "taps:" in said
    lying, standing = (pixels(tmp_path / f"{name}.png") for name in ("lying", "standing"))
    assert roughness(standing) > 1.2
    assert roughness(lying) < 1 / 1.2


@pytest.mark.slow
def test_own_onnx(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    serve = [sys.executable, EXAMPLES / "own_onnx_server.py", "--device", "cpu", "--port", "0", "--port-file", port_file]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen([*map(str, serve)], cwd=tmp_path, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process,
    ):
        try:
            while not port_file.exists():
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
            address = f"grpc://127.0.0.1:{port_file.read_text().strip()}"
            said = example(tmp_path, "own_onnx_client.py", "--steps", "20", "--server", address)
        finally:
            process.terminate()
    assert [line.split()[:2] for line in said.splitlines()] == [["stripes:logits:0", "lying"], ["stripes:logits:1", "standing"]]
    assert "activation" in said
    assert (tmp_path / "stripes.png").is_file()


@pytest.mark.slow
def test_node(server: LocalServer, tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("needs node and npm on PATH")
    shutil.copytree(EXAMPLES / "node", tmp_path / "node", ignore=shutil.ignore_patterns("node_modules"))
    run(tmp_path / "node", npm, "install", "--no-audit", "--no-fund", "--no-package-lock")
    variables = {"DGNAM_SERVER": server.address, "DGNAM_STEPS": STEPS, "DGNAM_PROTO": str(ROOT / "proto")}
    said = run(tmp_path, node, "node/synthesize.js", "alexnet64:fc8:lemon", "lemon.png", **variables)
    assert re.search(f"^lemon.png: activation [0-9.-]+ after {STEPS} steps$", said, re.MULTILINE)
    assert pixels(tmp_path / "lemon.png").shape == (64, 64, 3)
    missing = subprocess.run(
        [node, "node/synthesize.js", "alexnet64:fc8:lemn"], cwd=tmp_path, capture_output=True, text=True, env=os.environ | variables
    )
    assert missing.returncode == 1
    assert "NOT_FOUND" in missing.stderr
