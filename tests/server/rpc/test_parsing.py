"""Bytes -> messages: what would take much memory or time is refused before it is parsed."""

import pytest
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from dgnam_server.rpc import parsing
from google.protobuf.message import Message

KIND = SynthesizeRequest.DESCRIPTOR


def parsed(data: bytes) -> Message:
    return parsing.parse(KIND, SynthesizeRequest.FromString, data)


def never(data: bytes) -> Message:
    pytest.fail("parsed")


def with_names(count: int) -> SynthesizeRequest:
    return SynthesizeRequest(options={f"an option of a longish name {i}, so that all are many bytes": 1.0 for i in range(count)})


def test_what_is_within_the_limits_is_parsed() -> None:
    small = SynthesizeRequest(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))]), options={"steps": 20})
    options = dict.fromkeys(map(str, range(parsing.MOST_ENTRIES)), 1.0)
    large = SynthesizeRequest(target=small.target, start_image=bytes(2**20), options=options)
    for message in (small, large, SynthesizeRequest(target=Target(terms=[Term()] * 19_000))):
        assert parsed(message.SerializeToString()) == message


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\xff" * 50_000, b"\x07" * 50_000])
def test_bytes_that_are_no_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"the message (is not a dgnam.v1.SynthesizeRequest|has more than)"):
        parsed(data)


def test_maps_and_fields_are_counted_first() -> None:
    terms = SynthesizeRequest(target=Target(terms=[Term()] * 30_000)).SerializeToString()
    with pytest.raises(ValueError, match="more than 20000 fields"):
        parsing.parse(KIND, never, terms)
    with pytest.raises(ValueError, match="maps of more than 256 entries"):
        parsing.parse(KIND, never, with_names(4000).SerializeToString())


def test_of_a_short_message_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no room for too many fields. How many options it may have, who reads them says."""
    monkeypatch.setattr(parsing, "_count", lambda *_: pytest.fail("counted"))
    assert len(parsed(with_names(300).SerializeToString()).options) == 300  # type: ignore[attr-defined]
