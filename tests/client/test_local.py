"""A server process for the length of a block."""

from pathlib import Path

import pytest
from dgnam_client import local_server


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="max_steps = .none."), local_server(tmp_path, "--max-steps", "none"):
        pytest.fail("it started")


def test_it_serves_within_the_block_and_is_gone_after(tmp_path: Path, tiny_pack: Path) -> None:
    (tmp_path / "server.port").write_text("1")  # left over
    with local_server(tmp_path, "--models", str(tiny_pack), "--default-prior", "tiny-prior", "--max-batch-rows", "1") as server:
        assert server.process.poll() is None
        assert server.address.startswith("grpc://127.0.0.1:")
        assert server.address != "grpc://127.0.0.1:1"
    assert server.process.poll() == 0
    assert not (tmp_path / "server.port").exists()
