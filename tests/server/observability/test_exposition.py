"""The port of the metrics."""

import logging
import socket
import urllib.error
import urllib.request

import pytest
from dgnam_server.observability import exposition
from dgnam_server.observability.metrics import Metrics


def test_it_serves_for_the_length_of_the_block(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.stepped(3, 0.1)
    with caplog.at_level(logging.INFO), exposition.exposed(metrics.registry, "127.0.0.1", 0):
        address = caplog.messages[-1].removeprefix("metrics on ")
        with urllib.request.urlopen(address, timeout=30) as response:
            assert "dgnam_row_steps_total 3.0" in response.read().decode().splitlines()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=5)


def test_without_a_port_nothing_is_served(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), exposition.exposed(Metrics().registry, "127.0.0.1", None):
        assert not caplog.messages


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"), exposition.exposed(Metrics().registry, "127.0.0.1", taken.getsockname()[1]):
            pass
