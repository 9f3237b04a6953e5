from __future__ import annotations

import pytest
from dgnam_client._address import Address
from dgnam_client._proxy import PROXY_VARIABLES, proxy_for


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_VARIABLES, "no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_the_first_variable_counts_and_passwords_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for(Address.parse("far.example.org")) is None
    monkeypatch.setenv("http_proxy", "http://one:1")
    monkeypatch.setenv("https_proxy", "me:secret@two:2")
    proxy = proxy_for(Address.parse("far.example.org"))
    assert proxy == ("https_proxy", "http://two:2", "two", 2)
    assert proxy_for(Address.parse("127.0.0.1:7433")) is None, "this machine is reached directly"
    monkeypatch.setenv("no_proxy", "near.org, example.org")
    assert proxy_for(Address.parse("far.example.org")) is None
    monkeypatch.setenv("no_grpc_proxy", "near.org")
    assert proxy_for(Address.parse("far.example.org")) is not None
