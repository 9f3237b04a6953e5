"""What is said of a server that cannot be reached, against servers that really cannot."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_client import Client, UnavailableError
from dgnam_client._doctor import examine
from dgnam_client._reach import explained


def said(server: str, **files: Any) -> str:
    with Client(server, **files) as client, pytest.raises(UnavailableError) as caught:
        client.models(timeout=60)
    assert "OK" not in str(caught.value)
    return str(caught.value)


def found(server: str, **files: Any) -> str:
    """What the doctor says of TLS."""
    with Client(server, **files) as client:
        return next(finding.text for finding in examine(client, 5) if finding.name == "tls")


def test_tls_where_there_is_none(server: Any) -> None:
    address = server.url.replace("grpc://", "grpcs://")
    text = f"cannot reach the server at {address}: what answers there speaks no TLS. If it is a server without TLS, write {server.url}."
    assert said(address) == text and found(address) == text


def test_certificates(serve: Any, certificates: dict[str, Path]) -> None:
    key, cert = (certificates[name].read_bytes() for name in ("key", "cert"))
    plain = serve(grpc.ssl_server_credentials([(key, cert)]))
    assert found(plain.url, ca_file=certificates["ca"]).startswith("TLSv1.3, certificate of localhost")
    assert "an authority that is not trusted here. Name the authority's certificate: ca_file=, or --ca-file." in found(plain.url)
    elsewhere = plain.url.replace("localhost", "127.0.0.1")
    for text in (said(elsewhere, ca_file=certificates["ca"]), found(elsewhere, ca_file=certificates["ca"])):
        assert "its certificate is for another name. Write the name that the certificate has as the host." in text
    assert "an authority that is not trusted here" in said(elsewhere)
    without = plain.url.replace("grpcs://localhost", "grpc://127.0.0.1")
    assert f"closed at once. If the server has TLS, write {without.replace('grpc:', 'grpcs:')}" in said(without)
    mutual = serve(grpc.ssl_server_credentials([(key, cert)], root_certificates=cert, require_client_auth=True))
    assert "ask for this client's certificate. Name one with its key" in found(mutual.url, ca_file=certificates["ca"])


@pytest.fixture
def refusing() -> Any:
    """The address of what answers every request with an error of HTTP 1."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield "127.0.0.1:{}".format(*listening.getsockname()[1:])
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(60)


def test_what_is_no_grpc_server(refusing: str) -> None:
    assert "what answers there is no gRPC server" in said(f"grpc://{refusing}")


def test_a_proxy(refusing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://me:secret@{refusing}")
    text = said("grpc://10.1.2.3:7433")
    assert f"through the proxy http://{refusing}, which http_proxy names: the proxy lets the call not through" in text
    assert "Set no_proxy=10.1.2.3" in text and "secret" not in text
    with Client("grpc://10.1.2.3:7433") as client:
        findings = {finding.name: finding.text for finding in examine(client, 5)}
    assert findings["proxy"] == f"http_proxy sends calls through http://{refusing}; set no_proxy=10.1.2.3 to have them go directly"
    assert findings["reach"].startswith(f"the proxy http://{refusing} accepts connections")
    monkeypatch.setenv("no_proxy", "example.org,.2.3")
    assert "proxy" not in explained("grpc://10.1.2.3:7433", "x")[0]


def test_no_such_host() -> None:
    message = "errors resolving h:1: [field:hostname lookup error:address lookup failed for h:1: Domain name not found]"
    assert explained("grpc://h:1", message)[0] == "cannot reach the server at grpc://h:1: there is no host of that name"
