"""The program as a process: it serves, and signals end it."""

import json
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
from dgnam_server.__main__ import main
from dgnam_server.settings import Settings


@pytest.fixture
def program(request: pytest.FixtureRequest, tiny_pack: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A server on tiny models, its parameter being more arguments, and its port file."""
    port_file = tmp_path / "port"
    arguments = ["--port", "0", "--port-file", str(port_file), "--models", str(tiny_pack), "--default-prior", "tiny-prior"]
    arguments += ["--device", "cpu", "--precision", "float32", "--threads", "1", "--max-batch-rows", "2", "--log-format", "json"]
    arguments += ["--only", "tiny", "tiny-res", "tiny-prior", *getattr(request, "param", ["--drain-timeout-s", "60"])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DGNAM_")}
    process = subprocess.Popen([sys.executable, "-m", "dgnam_server", *arguments], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 100
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
        stream = synthesis_pb2_grpc.SynthesisServiceStub(channel).Synthesize(
            SynthesizeRequest(target=target, options={"steps": 2000}, variants=64)
        )
        while next(stream).WhichOneof("event") != "started":
            pass
        process.send_signal(signal.SIGTERM)
        while next(stream).WhichOneof("event") != "progress":  # still at work
            pass
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(100) == 128 + signal.SIGINT
        with pytest.raises(grpc.RpcError):
            list(stream)
    assert not port_file.exists()


@pytest.mark.parametrize("program", [[]], indirect=True)
def test_a_busy_server_ends_before_docker_kills_it(program: tuple[subprocess.Popen[str], Path]) -> None:
    """Which is 10 s after the signal. With the settings as they come, whatever still runs."""
    process, port_file = program
    target = Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=0))])
    with grpc.insecure_channel(f"127.0.0.1:{port_file.read_text().strip()}") as channel:
        asked = SynthesizeRequest(target=target, options={"steps": 2000}, variants=64)
        stub = synthesis_pb2_grpc.SynthesisServiceStub(channel)
        streams = [stub.Synthesize(asked)]
        while next(streams[0]).WhichOneof("event") != "started":
            pass
        streams += [stub.Synthesize(asked) for _ in range(2)]  # later: of calls made at once, any may be the first to run
        assert [next(stream).WhichOneof("event") for stream in streams[1:]] == ["queued"] * 2
        process.send_signal(signal.SIGTERM)
        for stream in streams:
            with pytest.raises(grpc.RpcError) as caught:
                list(stream)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
        _, told = process.communicate(timeout=100)  # of which a busy machine may need more than 10
    assert process.returncode == 0 and not port_file.exists()
    assert f"running work may take up to {Settings().drain_timeout_s:g} s more" in told


def test_one_signal_ends_it_in_order(program: tuple[subprocess.Popen[str], Path]) -> None:
    process, port_file = program
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=100)
    assert process.returncode == 0
    assert not port_file.exists()
    said = [json.loads(line) for line in told.splitlines()]
    messages = [line["message"] for line in said]
    assert [line["level"] for line in said if line["level"] != "INFO"] == []
    assert any(message.startswith("loaded tiny-res, ") and " of " in message for message in messages), "progress while models load"
    assert any("rows share a batch, " in message for message in messages)
    assert any(message.startswith("serving on 127.0.0.1:") for message in messages)


TOLD_TO_STOP_WHILE_IT_LOADS = """
import os, signal, time
from dgnam_server import __main__, app

def build(*_, **__):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as for the first process of a container
app.build = build
__main__.main(["--device", "cpu", "--port", "0"])
"""


def test_a_signal_ends_it_while_it_loads() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD_TO_STOP_WHILE_IT_LOADS], capture_output=True, text=True, timeout=100)
    assert done.returncode == 128 + signal.SIGTERM
    assert [line.partition("INFO ")[2].partition(" on ")[0] for line in done.stderr.splitlines()] == ["listening"], done.stderr


ANSWERED_WITHOUT_PYTORCH = """
import sys
from dgnam_server.__main__ import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
assert "torch" not in sys.modules
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--help"], 0, []),
        (
            ["--port", "x", "--threads=-1"],
            2,
            [
                "dgnam-server: port: 'x' is not a whole number between 0 and 65535 (flag --port)",
                "dgnam-server: threads: -1 is not between 0 and 1024 (flag --threads)",
            ],
        ),
    ],
)
def test_help_and_wrong_settings_are_answered_without_pytorch(arguments: list[str], status: int, told: list[str]) -> None:
    """It takes seconds to import."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DGNAM_")}
    command = [sys.executable, "-c", ANSWERED_WITHOUT_PYTORCH, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr.splitlines()) == (status, told)


def test_a_device_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cuda:1000"]) == 2
    assert capsys.readouterr().err.startswith("dgnam-server: device: cuda:1000 is not there; this machine has cpu")
