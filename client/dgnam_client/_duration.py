"""How long something takes, in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    for unit, length, part, short in (("d", 86400, 3600, "h"), ("h", 3600, 60, "min"), ("min", 60, 1, "s")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} {int(seconds % length // part)} {short}"
    return f"{max(0, round(seconds))} s"
