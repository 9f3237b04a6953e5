"""`dgnam activations`."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._activations import ActivationPercentiles, Activations
from .._client import Client
from .._errors import InvalidRequestError
from .._file import write_file
from .._place import Place
from . import files, waiting
from .parser import Arguments
from .printing import DONE, print_json, print_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Strongest:
    """One of the strongest activations at a place.

    Attributes:
        address: Where it is: a unit, with its position in the map of a convolutional tap.
        label: The unit's label; empty where it has none.
        activation: Its value.
        percentile: Of how many photographs, in percent, it is above that of theirs; None: the server has no index of the unit.
    """

    address: str
    label: str
    activation: float
    percentile: float | None = None


def run(client: Client, arguments: Arguments) -> int:
    """Print the strongest activations at each place; write all of them where a file is named."""
    _check(arguments)
    activations = client.activations(arguments.picture, arguments.places, timeout=arguments.timeout, **waiting.said(arguments))
    found = {}
    for place, array, compared in zip(activations.places, activations, activations.percentiles, strict=True):
        model = client.model(place.model, timeout=arguments.timeout)
        named = replace(place, tap=place.tap or model.output_tap)
        labels = model.labels if named.tap == model.output_tap else ()
        found[str(place)] = strongest(named, array, labels, arguments.top, compared)
    if arguments.json:
        print_json(found)
    else:
        for place, array, compared in zip(activations.places, activations, activations.percentiles, strict=True):
            print(f"{place}: {_described(array)}{_among(compared)}")
            _print(found[str(place)])
    if arguments.output is not None:
        write_file(Path(arguments.output), _file(activations, arguments.output))
        if not arguments.json:
            print(arguments.output)
    return DONE


def _print(found: list[Strongest]) -> None:
    known = any(one.percentile is not None for one in found)
    rows = [(f"  {one.activation:.4g}", *([_percent(one)] if known else []), one.label or "-", one.address) for one in found]
    print_table(("  ACTIVATION", *(["PERCENTILE"] if known else []), "LABEL", "ADDRESS"), rows)


def _percent(one: Strongest) -> str:
    return "-" if one.percentile is None else f"{one.percentile:.4g}"


def _among(compared: ActivationPercentiles | None) -> str:
    return "" if compared is None else f"; percentiles are among {compared.photographs} photographs of the index {compared.index}"


def strongest(
    place: Place, array: NDArray[Any], labels: tuple[str, ...], top: int, compared: ActivationPercentiles | None = None
) -> list[Strongest]:
    """The largest activations of an array: of units, of channels by their largest position, or of positions."""
    import numpy as np

    # A whole convolutional tap, (channels, height, width): each channel counts once.
    best = array.reshape(len(array), -1).max(1) if array.ndim == 3 else array.ravel()
    percents = None if compared is None else compared.percents.ravel()
    found = []
    for index in map(int, np.argsort(-best, kind="stable")[:top]):
        here = place
        if array.ndim == 3:
            y, x = np.unravel_index(array[index].argmax(), array.shape[1:])
            here = replace(place, unit=index, position=(int(y), int(x)))
        elif array.ndim == 2:
            here = replace(place, position=divmod(index, array.shape[1]))
        elif array.ndim == 1:
            here = replace(place, unit=index)
        label = here.unit if isinstance(here.unit, str) else labels[here.unit] if labels and here.unit is not None else ""
        percentile = None if percents is None else round(float(percents[index]), 4)
        found.append(Strongest(str(here), label, float(best[index]), percentile))
    return found


def _check(arguments: Arguments) -> None:
    if arguments.top < 1:
        raise InvalidRequestError(f"--top: {arguments.top} is less than 1")
    if arguments.output is not None:
        suffix = ".npy" if len(arguments.places) == 1 else ".npz"
        if Path(arguments.output).suffix.lower() != suffix:
            count = "one place goes" if suffix == ".npy" else "several places go"
            raise InvalidRequestError(f"-o {arguments.output}: {count} into a file that ends in {suffix}")
        files.check_folder(arguments.output)


def _described(array: NDArray[Any]) -> str:
    match array.shape:
        case ():
            return "one activation"
        case (units,):
            return f"{units} units"
        case (height, width):
            return f"a map of {height} x {width}"
        case (channels, height, width):
            return f"{channels} channels, each a map of {height} x {width}"
    return f"shape {array.shape}"


def _file(activations: Activations, output: str) -> bytes:
    import numpy as np

    file = io.BytesIO()
    if Path(output).suffix.lower() == ".npy":
        np.save(file, activations.array)
    else:
        np.savez(file, **{str(place): array for place, array in zip(activations.places, activations, strict=True)})  # type: ignore[arg-type]
    return file.getvalue()
