"""Hypothesis strategies for hostile bytes and messages."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_WORDS: Mapping[type, st.SearchStrategy[Any]] = {
    int: st.sampled_from([0, 1, 2, 7, 16, 32, 33, 64, 2000, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1),
    float: st.sampled_from([0.0, 1.0, -1.0, 0.5, 2000.0, math.inf, -math.inf, math.nan, 1e-30]) | st.floats(width=32),
}
_KINDS = {
    FieldDescriptor.CPPTYPE_UINT32: _WORDS[int],
    FieldDescriptor.CPPTYPE_UINT64: _WORDS[int] | st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_FLOAT: _WORDS[float],
    FieldDescriptor.CPPTYPE_DOUBLE: _WORDS[float] | st.floats(),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 5) | st.integers(-(2**31), 2**31 - 1),
}


@st.composite
def mutated(draw: st.DrawFn, wholes: Sequence[bytes]) -> bytes:
    """One of the files with bytes changed, cut out, doubled or put in."""
    data = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 16) | st.integers(1, max(1, len(data))))
        match draw(st.sampled_from(["change", "cut", "double", "put", "end"])):
            case "change":
                data[place : place + 8] = draw(st.binary(min_size=1, max_size=8))
            case "cut":
                del data[place : place + length]
            case "double":
                data[place:place] = data[place : place + length]
            case "put":
                data[place:place] = draw(st.binary(max_size=16))
            case "end":
                del data[place:]
    return bytes(data)


def messages(kind: Descriptor, names: Sequence[str], files: st.SearchStrategy[bytes]) -> st.SearchStrategy[Message]:
    """Messages of this kind: any fields, with any values, among them such `names` and `files` as a right one would have."""
    texts = st.sampled_from(names) | st.text(max_size=20) | st.just("x" * 5000)
    fields = {field.name: _field(field, names, texts, files) for field in kind.fields}
    oneofs = [[field.name for field in oneof.fields] for oneof in kind.oneofs]

    def made(values: dict[str, Any]) -> Message:
        for group in oneofs:
            for name in [name for name in group if name in values][1:]:
                del values[name]
        return GetMessageClass(kind)(**values)

    return st.fixed_dictionaries({}, optional=fields).map(made)


def _field(field: FieldDescriptor, names: Sequence[str], texts: st.SearchStrategy[str], files: st.SearchStrategy[bytes]) -> Any:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return st.dictionaries(texts, _field(inner.fields_by_name["value"], names, texts, files), max_size=6)
    if inner is not None:
        one: st.SearchStrategy[Any] = st.deferred(lambda: messages(inner, names, files))
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        one = files if field.type == FieldDescriptor.TYPE_BYTES else texts
    else:
        one = _KINDS[field.cpp_type]
    return st.lists(one, max_size=4) if field.is_repeated else one
