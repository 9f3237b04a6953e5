"""The program as a process: it serves, and signals end it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from dgnam_proto.v1 import synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit


@pytest.fixture
def program(tiny_pack: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    port_file = tmp_path / "port"
    arguments = ["--port", "0", "--port-file", str(port_file), "--models", str(tiny_pack), "--default-prior", "tiny-prior"]
    arguments += ["--device", "cpu", "--precision", "float32", "--threads", "1", "--max-batch-rows", "2", "--drain-timeout-s", "60"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DGNAM_")}
    process = subprocess.Popen([sys.executable, "-m", "dgnam_server", *arguments], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not port_file.exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process, port_file
    finally:
        process.kill()
        process.communicate()


def test_signals(program: tuple[subprocess.Popen[str], Path]) -> None:
    """The first signal lets running work finish, the second ends the process at once; both remove the port file."""
    process, port_file = program
    target = Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=0))])
    with grpc.insecure_channel(f"127.0.0.1:{port_file.read_text().strip()}") as channel:
        stream = synthesis_pb2_grpc.SynthesisServiceStub(channel).Synthesize(SynthesizeRequest(target=target, steps=2000, variants=64))
        while next(stream).WhichOneof("event") != "started":
            pass
        process.send_signal(signal.SIGTERM)
        assert next(stream).WhichOneof("event") == "progress"  # still at work
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 128 + signal.SIGINT
        with pytest.raises(grpc.RpcError):
            list(stream)
    assert not port_file.exists()


def test_one_signal_ends_it_in_order(program: tuple[subprocess.Popen[str], Path]) -> None:
    process, port_file = program
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert not port_file.exists()
    assert "serving on 127.0.0.1:" in told
    assert "Traceback" not in told
