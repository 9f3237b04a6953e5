"""Bytes -> messages. What a message would take in memory is bounded before it is parsed: an empty term has two bytes on the wire."""

from collections.abc import Callable, Mapping
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

MOST_FIELDS = 20_000  # set fields of a message and of all that is in it; the numbers of a packed array count as one
MOST_ENTRIES = 256  # of a map, such as options by name
_LEAST_BYTES = 2  # of a field: a tag and what it says
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def parse(kind: Descriptor, from_bytes: Callable[[bytes], Message], data: bytes) -> Message:
    """The message of this `kind`, as `from_bytes` reads it.

    Raises:
        ValueError: the bytes are no such message, or it has more than MOST_FIELDS fields or a map of more than MOST_ENTRIES.
    """
    if len(data) > _LEAST_BYTES * MOST_FIELDS and _count(data, 0, len(data), kind, 0) > MOST_FIELDS:
        raise ValueError(f"the message has more than {MOST_FIELDS} fields")
    try:
        return from_bytes(data)
    except DecodeError:
        raise ValueError(f"the message is not a {kind.full_name}") from None


def _count(data: bytes, start: int, end: int, kind: Descriptor, count: int) -> int:
    """`count` and the fields between `start` and `end`; stops soon after MOST_FIELDS, and where the bytes are no message.

    Raises:
        ValueError: a map has more than MOST_ENTRIES.
    """
    messages = _messages(kind)
    entries = 0
    while start < end and count <= MOST_FIELDS:
        tag = data[start]
        start += 1
        if tag >= 0x80:
            tag, start = _varint(data, start - 1)
        count += 1
        wire = tag & 7
        if wire == _BYTES:
            length, start = _varint(data, start)
            inner = messages.get(tag >> 3)
            if inner is not None:
                entries += inner.GetOptions().map_entry
                if entries > MOST_ENTRIES:
                    raise ValueError(f"the message has maps of more than {MOST_ENTRIES} entries")
                count = _count(data, start, min(start + length, end), inner, count)
            start += length
        elif wire == _VARINT:
            _, start = _varint(data, start)
        elif wire in (_FIXED32, _FIXED64):
            start += 4 if wire == _FIXED32 else 8
    return count


@cache
def _messages(kind: Descriptor) -> Mapping[int, Descriptor]:
    """The kinds of the fields that are messages, by number."""
    return {field.number: field.message_type for field in kind.fields if field.message_type is not None}


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    for place in range(start, min(start + 10, len(data))):
        value |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            return value, place + 1
        shift += 7
    return 0, len(data)
