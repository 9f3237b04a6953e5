"""Addresses, and the environment."""

from __future__ import annotations

import pytest
from dgnam_client import Client, InvalidRequestError
from dgnam_client._address import Address
from dgnam_client._channel import Connection


@pytest.mark.parametrize(
    ("text", "address", "endpoint"),
    [
        ("grpc://127.0.0.1:7433", Address("127.0.0.1", 7433, False), "127.0.0.1:7433"),
        ("grpc://localhost", Address("localhost", 7433, False), "localhost:7433"),
        ("grpcs://example.org:443/", Address("example.org", 443, True), "example.org:443"),
        (" GRPC://Host:1 ", Address("host", 1, False), "host:1"),
        ("localhost:7433", Address("localhost", 7433, False), "localhost:7433"),
        (" 10.0.0.7:80 ", Address("10.0.0.7", 80, False), "10.0.0.7:80"),
        ("example.org", Address("example.org", 7433, False), "example.org:7433"),
        ("[::1]:80", Address("::1", 80, False), "[::1]:80"),
        ("grpc://[::1]:80", Address("::1", 80, False), "[::1]:80"),
    ],
)
def test_addresses(text: str, address: Address, endpoint: str) -> None:
    assert Address.parse(text) == address
    assert address.endpoint == endpoint
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7433",
        "::1",
        "http://host:1",
        "grpc://",
        "grpc://:1",
        "grpc://h:0",
        "grpc://h:x",
        "grpc://h:70000",
        "grpc://h:1/p",
        "grpc://u@h",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="write host:port, or grpcs://host:port for TLS"):
        Address.parse(text)


def test_the_environment_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DGNAM_SERVER", raising=False)
    monkeypatch.delenv("DGNAM_TOKEN", raising=False)
    assert Client().server == "grpc://127.0.0.1:7433"
    assert Connection.of(None, None, None, None, None).token is None
    monkeypatch.setenv("DGNAM_SERVER", "grpc://elsewhere:1")
    monkeypatch.setenv("DGNAM_TOKEN", "secret")
    assert Client().server == "grpc://elsewhere:1"
    assert Client("grpc://here:2").server == "grpc://here:2"
    assert Connection.of(None, None, None, None, None).token == "secret"
    assert Connection.of(None, "other", None, None, None).token == "other"


@pytest.mark.parametrize(("mistyped", "meant"), [("DGNAM_SEVER", "DGNAM_SERVER"), ("DGNAM_TOKN", "DGNAM_TOKEN")])
def test_a_mistyped_variable_is_named(monkeypatch: pytest.MonkeyPatch, mistyped: str, meant: str) -> None:
    for name in ("DGNAM_SERVER", "DGNAM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(mistyped, "x:1")
    with pytest.raises(InvalidRequestError, match=f"the environment sets {mistyped}, which nothing reads: did you mean {meant}"):
        Client()
    monkeypatch.setenv(meant, "localhost:1")
    assert Client().server.startswith("grpc://")


def test_the_servers_variables_are_its_own_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DGNAM_SERVER", raising=False)
    monkeypatch.delenv("DGNAM_TOKEN", raising=False)
    for name in ("DGNAM_TOKEN_FILE", "DGNAM_MAX_STEPS", "DGNAM_PORT"):
        monkeypatch.setenv(name, "1")
    assert Client().server == "grpc://127.0.0.1:7433"
