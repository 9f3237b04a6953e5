"""Random messages, made quickly: a hundred thousand take a minute or two. For those that hypothesis shrinks, see mutations.py."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_NUMBERS = (0, 1, 2, 7, 16, 24, 32, 33, 64, 2000, 2**31 - 1)
_REALS = (0.0, 1.0, -1.0, 0.5, 2000.0, math.inf, -math.inf, math.nan, 1e-30, 1e30)
_DEEPEST = 6
_SIGNED = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
_WHOLE = (*_SIGNED, FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
_REAL = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


@dataclass(frozen=True)
class Words:
    """What right requests hold, so that some get far."""

    names: Sequence[str]
    files: Sequence[bytes]


def spoiled(chance: random.Random, right: Message, words: Words) -> Message:
    """The message with a few fields set to anything, beside what they held, or in its place."""
    made = type(right)()
    made.CopyFrom(right)
    made.MergeFrom(message(chance, right.DESCRIPTOR, words, often=chance.choice((0.0, 0.1, 0.2))))
    return made


def message(chance: random.Random, kind: Descriptor, words: Words, depth: int = 0, often: float | None = None) -> Message:
    """A message of this kind, any of its fields set to anything. `often`: how many are set, from 0 to 1; None: that is chance too."""
    made = GetMessageClass(kind)()
    often = chance.random() if often is None else often
    for field in kind.fields:
        if chance.random() > often or (field.message_type is not None and depth > _DEEPEST):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            for _ in range(chance.choice((1, 2, 5))):
                getattr(made, field.name)[_plain(chance, key, words)] = _plain(chance, value, words)
        elif field.is_repeated:
            values = [_value(chance, field, words, depth) for _ in range(chance.choice((1, 1, 2, 4)))]
            getattr(made, field.name).extend(values)
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(message(chance, field.message_type, words, depth + 1))
        else:
            setattr(made, field.name, _plain(chance, field, words))
    return made


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The bytes with some changed, cut out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(changed))
        end = min(len(changed), start + chance.choice((0, 1, 4, 50)))
        changed[start:end] = chance.choice((b"", changed[start:end] * 2, chance.randbytes(chance.randint(1, 8))))
    return bytes(changed)


def _value(chance: random.Random, field: FieldDescriptor, words: Words, depth: int) -> Any:
    inner = field.message_type
    return _plain(chance, field, words) if inner is None else message(chance, inner, words, depth + 1)


def _plain(chance: random.Random, field: FieldDescriptor, words: Words) -> Any:
    kind = field.cpp_type
    if kind in _REAL:
        return chance.choice(_REALS) if chance.random() < 0.7 else chance.gauss(0, 100)
    if kind in _WHOLE:
        number = chance.choice(_NUMBERS) if chance.random() < 0.8 else chance.randrange(2**31)
        return -number if kind in _SIGNED and chance.random() < 0.3 else number
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return chance.choice((0, 1, 1, 2, 3, 99, -1))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.type == FieldDescriptor.TYPE_BYTES:
        file = chance.choice(words.files)
        return mutated(chance, file) if chance.random() < 0.2 else file
    return chance.choice(words.names) if chance.random() < 0.9 else chance.choice(("", "x" * 5000, "\0", "é\n", "0", "-1"))
