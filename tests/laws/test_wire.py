"""The wire format only grows: what was ever in `dgnam.v1` stays, with its number and type.

tests/golden/descriptors.json records all there is. `make proto` adds what is new to it and refuses what is missing or different; to break
the wire format knowingly, edit the record by hand.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, ServiceDescriptor

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "tests/golden/descriptors.json"


def wire() -> dict[str, str]:
    """Every field, enum value and method by its full name, with all that others rely on as one string."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "proto/dgnam_proto/v1").glob("*.proto")):
        file = importlib.import_module(f"dgnam_proto.v1.{path.stem}_pb2").DESCRIPTOR
        for message in file.message_types_by_name.values():
            found |= fields(message)
        for enum in file.enum_types_by_name.values():
            found |= values(enum)
        for service in file.services_by_name.values():
            found |= methods(service)
    return dict(sorted(found.items()))


def fields(message: Descriptor) -> dict[str, str]:
    found = {field.full_name: field_type(field) for field in message.fields}
    for enum in message.enum_types:
        found |= values(enum)
    for nested in message.nested_types:
        found |= fields(nested)
    return found


def field_type(field: FieldDescriptor) -> str:
    names = {number: name.removeprefix("TYPE_").lower() for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
    kind = (field.message_type or field.enum_type).full_name if field.message_type or field.enum_type else names[field.type]
    label = "repeated " if field.is_repeated else "optional " if field.has_presence and not field.message_type else ""
    oneof = field.containing_oneof
    group = f" in {oneof.name}" if oneof and not oneof.name.startswith("_") else ""
    return f"{field.number}: {label}{kind}{group}"


def values(enum: EnumDescriptor) -> dict[str, str]:
    return {f"{enum.full_name}.{value.name}": str(value.number) for value in enum.values}


def methods(service: ServiceDescriptor) -> dict[str, str]:
    return {method.full_name: method_type(method) for method in service.methods}


def method_type(method: Any) -> str:
    asked = f"{'stream ' if method.client_streaming else ''}{method.input_type.full_name}"
    given = f"{'stream ' if method.server_streaming else ''}{method.output_type.full_name}"
    return f"{asked} -> {given}"


def broken(record: dict[str, str], now: dict[str, str]) -> list[str]:
    """What the record has and the wire format no longer has as it was."""
    return [f"{name}: was {kind!r}, is {now.get(name, 'gone')!r}" for name, kind in record.items() if now.get(name) != kind]


def test_nothing_was_removed_or_changed() -> None:
    assert not broken(json.loads(RECORD.read_text()), wire())


def test_the_record_is_complete() -> None:
    missing = sorted(wire().keys() - json.loads(RECORD.read_text()).keys())
    assert not missing, "run 'make proto' to record what is new"


def test_a_break_is_noticed() -> None:
    record = {"a.M.x": "1: int32", "a.M.y": "2: int32", "a.M.z": "3: int32"}
    assert broken(record, {"a.M.x": "1: int32", "a.M.y": "4: int32", "a.M.new": "5: int32"}) == [
        "a.M.y: was '2: int32', is '4: int32'",
        "a.M.z: was '3: int32', is 'gone'",
    ]


if __name__ == "__main__":
    now = wire()
    if RECORD.exists() and (breaks := broken(json.loads(RECORD.read_text()), now)):
        sys.exit("\n".join(["This would break clients that exist already:", *breaks]))
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(now, indent=1) + "\n")
