"""`dgnam filters`."""

from __future__ import annotations

from pathlib import Path

from .._client import Client
from .._errors import InvalidRequestError
from .._filters import Filters
from . import files
from .parser import Arguments
from .printing import DONE, print_json

_FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".npy")


def run(client: Client, arguments: Arguments) -> int:
    """Tell what may be wrong with a network's first-layer filters, and write their sheet."""
    output = None if arguments.output is None else Path(arguments.output)
    if output is not None:
        files.check_folder(str(output))
        if output.suffix.lower() not in _FORMATS:
            raise InvalidRequestError(f"-o {output}: end the name in .png, .jpg or .webp, or in .npy for the numbers")
    found = client.filters(arguments.model, shared_scale=arguments.shared_scale, timeout=arguments.timeout)
    if output is not None:
        found.save(output)
    if arguments.json:
        return print_json(_facts(found))
    print(described(found))
    if output is not None:
        print(output)
    return DONE


def described(found: Filters) -> str:
    """The diagnosis in lines."""
    count, height, width, _ = found.array.shape
    lines = [f"{found.model}: {count} filters of {height} x {width} pixels, stride {found.stride[0]} x {found.stride[1]}"]
    lines.append(_units("dominating", found.dominating, "more than 3 times as strong as the median filter"))
    lines.append(_units("dead", found.dead, "less than a tenth as strong"))
    lines.append("frequencies    " + ", ".join(f"{share:.0%} {band}" for band, share in found.frequencies.items()))
    lines.append(f"aliased        {found.aliased:.0%} of the energy is at frequencies that the stride cannot carry")
    return "\n".join(lines)


def _units(name: str, units: tuple[int, ...], meaning: str) -> str:
    return f"{name:14} {len(units)}, {meaning}" + (f": {', '.join(map(str, units))}" if units else "")


def _facts(found: Filters) -> dict[str, object]:
    names = ("model", "stride", "rms", "dominating", "dead", "frequencies", "aliased")
    count, height, width, _ = found.array.shape
    return {"filters": count, "size": [height, width]} | {name: getattr(found, name) for name in names}
