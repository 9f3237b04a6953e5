"""`dgnam units`."""

from __future__ import annotations

from .._client import Client
from .parser import Arguments
from .printing import complain, print_json, print_table


def run(client: Client, arguments: Arguments) -> int:
    """List the units of a tap."""
    model, _, tap = arguments.place.partition(":")
    units = client.units(model, tap or None, filter=arguments.filter, timeout=arguments.timeout)
    if arguments.json:
        return print_json(units)
    if not units:
        complain(
            f"no unit of {arguments.place} has {arguments.filter!r} in its label" if arguments.filter else f"{arguments.place} has no units"
        )
    return print_table(("INDEX", "LABEL", "ADDRESS"), [(str(unit.index), unit.label or "-", unit.address) for unit in units])
