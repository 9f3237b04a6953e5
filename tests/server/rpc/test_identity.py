"""Whom a call counts for."""

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field

import pytest
from dgnam_server.rpc.identity import TOKEN, host_of, of_call


@dataclass
class Call:
    """What gRPC tells of a call."""

    address: str = "ipv4:10.0.0.1:40000"
    metadata: Sequence[tuple[str, str]] = ()
    auth: Mapping[str, list[bytes]] = field(default_factory=dict)

    def peer(self) -> str:
        return self.address

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self.metadata

    def auth_context(self) -> Mapping[str, list[bytes]]:
        return self.auth


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:10.0.0.1:40000", "10.0.0.1"),
        ("ipv6:%5B::1%5D:40000", "::1"),
        ("ipv6:[2001:db8:1:2:3::4]:5", "2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5", "fe80::/64"),
        ("ipv6:[::ffff:10.0.0.1]:5", "10.0.0.1"),
        ("unix:/run/dgnam", "unix"),
        ("", "unknown"),
    ],
)
def test_a_peers_host(peer: str, host: str) -> None:
    assert host_of(peer) == host


def with_token(token: bytes) -> str:
    """The name of a call that the gate let through for this token."""

    def name() -> str:
        TOKEN.set(token)
        return of_call(Call())

    return copy_context().run(name)


def test_another_port_is_the_same_client_and_another_address_or_token_is_not() -> None:
    one = of_call(Call())
    assert one == of_call(Call("ipv4:10.0.0.1:50000")) == "10.0.0.1"
    names = {one, of_call(Call("ipv4:10.0.0.2:1")), with_token(b"Bearer secret"), with_token(b"Bearer other")}
    assert len(names) == 4
    assert not any("secret" in name for name in names)


def test_what_no_server_gave_out_makes_nobody_another_client() -> None:
    assert {of_call(Call(metadata=[("authorization", f"Bearer {number}")])) for number in range(9)} == {"10.0.0.1"}


def test_a_certificate_says_who_it_is_wherever_the_call_comes_from() -> None:
    auth = {"transport_security_type": [b"ssl"], "x509_common_name": [b"ann"]}
    assert of_call(Call(auth=auth)) == of_call(Call("ipv4:10.0.0.9:1", [("authorization", "x")], auth)) == "ann"
    assert of_call(Call(auth={"transport_security_type": [b"ssl"]})) == "10.0.0.1"


def test_behind_a_proxy_the_header_says_who_it_is() -> None:
    """Where the settings name it; otherwise anybody could call himself what he likes."""
    told = Call(metadata=[("x-forwarded-for", "10.1.2.3"), ("authorization", "Bearer x")])
    assert of_call(told, "x-forwarded-for") == "10.1.2.3"
    assert of_call(told) == of_call(told, "x-real-ip") == of_call(Call(metadata=[("authorization", "Bearer x")]))
    assert len(of_call(Call(metadata=[("x-forwarded-for", "y" * 10_000)]), "x-forwarded-for")) == 200
