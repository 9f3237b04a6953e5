"""Colours of a request: red, green and blue, or one number for a grey."""

from collections.abc import Sequence

from dgnam_server.rpc.fields import Reader

GREY = (0.5, 0.5, 0.5)


def read(reader: Reader, values: Sequence[float]) -> tuple[float, float, float]:
    """The colour, a middle grey where there is none."""
    if not values:
        return GREY
    if len(values) not in (1, 3):
        reader.invalid(f"{len(values)} numbers are neither red, green and blue nor one for a grey")
        return GREY
    for value in values:
        if not reader.within(value, 0, 1):
            break
    red, green, blue = values if len(values) == 3 else [values[0]] * 3
    return red, green, blue
