"""Fields of requests: values into them, and what is wrong with a value that does not fit."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from .._errors import InvalidRequestError

_KINDS = {
    FieldDescriptor.TYPE_STRING: "a text",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_UINT32: "an integer from 0 to 2^32 - 1",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_UINT64: "an integer from 0 to 2^64 - 1",
}


def refusal(field: str, description: str) -> InvalidRequestError:
    """The error that says what is wrong with a field."""
    return InvalidRequestError(f"{field}: {description}", violations=[(field, description)])


def set_field(request: Any, field: str, value: Any) -> None:
    """Set a plain field.

    Raises:
        InvalidRequestError: The field cannot hold the value.
    """
    try:
        setattr(request, field, value)
    except (TypeError, ValueError):
        raise refusal(field, f"{value!r} is not {_KINDS[request.DESCRIPTOR.fields_by_name[field].type]}") from None


def choice(prefix: str, value: str | None, allowed: tuple[str, ...], *, field: str) -> str | None:
    """The wire name of one of an option's words: ("BALANCE", "gradient-norm") -> "BALANCE_GRADIENT_NORM". None stays None.

    Raises:
        InvalidRequestError: The value is none of those allowed.
    """
    if value is None:
        return None
    if value not in allowed:
        raise refusal(field, f"{value!r} is none of {', '.join(map(repr, allowed))}")
    return f"{prefix}_{value.replace('-', '_').upper()}"
