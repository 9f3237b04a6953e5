from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_client import Client, DgnamError, InvalidRequestError, _channel
from dgnam_client._channel import Connection


def test_files_must_fit(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="need TLS"):
        Client("grpc://h:1", ca_file="ca.pem")
    with pytest.raises(InvalidRequestError, match="belong together"):
        Client("grpcs://h:1", cert_file="cert.pem")
    with Client("grpcs://h:1", ca_file=tmp_path / "none.pem") as client, pytest.raises(FileNotFoundError):
        client.models()


def test_tokens_travel(server: Any) -> None:
    tokens = iter(["first", "second"])
    with Client(server.url, token=lambda: next(tokens)) as client:
        client.models()
        client.synthesize("alexnet64:fc8:lemon")
    with Client(server.url, token="third") as client:
        client.models()
    with Client(server.url) as client:
        client.models()
    assert [sent.get("authorization") for sent in server.metadata] == ["Bearer first", "Bearer second", "Bearer third", None]


@pytest.mark.parametrize("token", ["", "two words", "line\n", "ключ", b"bytes", 3])
def test_what_is_no_token_is_not_shown(server: Any, token: Any) -> None:
    with Client(server.url, token=lambda: token) as client, pytest.raises(DgnamError, match="visible ASCII") as caught:
        client.models()
    assert not server.requests
    assert not token or str(token) not in str(caught.value)


def test_a_token_is_not_part_of_a_repr() -> None:
    assert "secret" not in repr(Connection.of("grpc://h:1", "secret", None, None, None)) + repr(Client("grpc://h:1", token="secret"))


def test_the_channel_says_who_calls(client: Client, server: Any) -> None:
    client.models()
    assert str(server.metadata[0]["user-agent"]).startswith("dgnam-client/0.1.0 ")


def test_transport_settings() -> None:
    options = dict(Connection.of("grpc://h:1", None, None, None, None)._options())
    assert options["grpc.max_send_message_length"] == options["grpc.max_receive_message_length"] == 64 * 1024 * 1024
    assert options["grpc.keepalive_time_ms"] == 60_000
    assert options["grpc.max_reconnect_backoff_ms"] == 2_000
    (config,) = json.loads(options["grpc.service_config"])["methodConfig"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
    assert {name["service"] for name in config["name"]} == {
        "dgnam.v1.CatalogService",
        "dgnam.v1.ServerService",
        "dgnam.v1.AnalysisService",
        "dgnam.v1.SynthesisService",
        "dgnam.v1.SearchService",
        "dgnam.v1.JobService",
    }
    assert "Tell" not in {name.get("method") for name in config["name"]}, "its answer may be lost after the scores were taken in"
    assert [name["method"] for name in config["name"] if name["service"] == "dgnam.v1.SynthesisService"] == ["Draw"]


def test_timeouts() -> None:
    assert [_channel.seconds(timeout, 10.0) for timeout in (None, 3.0, float("inf"))] == [10.0, 3.0, None]


def test_tls_and_mutual_tls(serve: Any, certificates: dict[str, Path]) -> None:
    ca, cert, key = (certificates[name].read_bytes() for name in ("ca", "cert", "key"))
    plain = serve(grpc.ssl_server_credentials([(key, cert)]))
    with Client(plain.url, ca_file=certificates["ca"]) as client:
        assert len(client.models()) == 2
    # Not among the authorities that the system trusts.
    with Client(plain.url) as client, pytest.raises(DgnamError, match="cannot reach"):
        client.models()

    mutual = serve(grpc.ssl_server_credentials([(key, cert)], root_certificates=ca, require_client_auth=True))
    with Client(mutual.url, ca_file=certificates["ca"], cert_file=certificates["cert"], key_file=certificates["key"]) as client:
        assert len(client.models()) == 2
    with Client(mutual.url, ca_file=certificates["ca"]) as client, pytest.raises(DgnamError):
        client.models(timeout=5)


@pytest.mark.slow
def test_after_an_outage_a_client_is_soon_back(serve: Any, unused_tcp_port: int) -> None:
    """By then gRPC alone would wait for seven seconds between its tries."""
    from concurrent.futures import ThreadPoolExecutor

    from dgnam_proto.v1 import catalog_pb2_grpc

    with Client(f"grpc://127.0.0.1:{unused_tcp_port}") as client:
        end = time.monotonic() + 12
        while time.monotonic() < end:
            with pytest.raises(DgnamError):
                client.models(timeout=1)
            time.sleep(0.1)
        server = grpc.server(ThreadPoolExecutor(2))
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server(serve(), server)
        server.add_insecure_port(f"127.0.0.1:{unused_tcp_port}")
        server.start()
        begun = time.monotonic()
        while time.monotonic() - begun < 20:
            try:
                client.models(timeout=1)
                break
            except DgnamError:
                time.sleep(0.1)
        server.stop(None).wait(10)
        assert time.monotonic() - begun < 4
