"""The image's health check, run against a server on a port of its own."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text(encoding="utf-8")


def healthy(port_file: Path) -> int:
    """The exit status of the health check."""
    found = re.search(r"^HEALTHCHECK .* CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    assert found is not None
    program, *arguments = json.loads(found[1])
    assert program == "python"
    environment = {**os.environ, "DGNAM_PORT_FILE": str(port_file), "DGNAM_PORT": "1"}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, timeout=60, check=False).returncode


def test_the_health_check_asks_on_the_port_that_the_server_has(tmp_path: Path) -> None:
    assert re.search(r"DGNAM_PORT_FILE=\S+", DOCKERFILE)
    server, servicer = grpc.server(ThreadPoolExecutor(2)), health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        (tmp_path / "port").write_text(f"{port}\n")
        for status, code in ((health_pb2.HealthCheckResponse.SERVING, 0), (health_pb2.HealthCheckResponse.NOT_SERVING, 1)):
            servicer.set("", status)
            assert healthy(tmp_path / "port") == code
        assert healthy(tmp_path / "none") != 0
    finally:
        server.stop(None).wait(10)
