"""ExemplarIndex: which photographs excite each unit of a network most, in a folder.

    index.json          the header: whose units, of which weights, over which photographs
    photographs.json    the photographs' names; they stay where they are
    values.npy          (units, k) float32: the k largest activations of each unit, the largest first
    photographs.npy     (units, k) int32: of which photographs
    positions.npy       (units, k) int32: where in the unit's map, y * width + x; 0 where there is no map
    quantiles.npy       (2, units, 101) float32: percentiles over photographs of the map's maximum, and of its mean
    digests.npy         (photographs, 16) uint8: BLAKE2b of each file

Units are those of the taps, one after the other. Arrays are mapped into memory and only read, and nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dgnam_models.card import ModelCard, Tap, whole
from dgnam_models.errors import ExemplarError
from dgnam_models.image_set import ImageSet

FORMAT = "dgnam exemplars 1"
HEADER, NAMES, PLAN = "index.json", "photographs.json", "partial.json"
PERCENTS = np.arange(101)
DIGEST_BYTES = 16
_MOST_HEADER_BYTES = 2**22


@dataclass(frozen=True)
class Header:
    """What an index says of itself."""

    network: str
    digest: str  # of the network's weights
    size: tuple[int, int]  # of the pictures that it was shown, height and width in pixels
    taps: tuple[Tap, ...]
    strongest: int  # photographs that are kept of each unit
    enlarge: bool  # whether photographs smaller than `size` were taken too
    sources: tuple[str, ...]  # where the photographs are: change it when they have moved
    photographs: int
    names_digest: str
    indexed: int = 0  # photographs that were looked at
    small: int = 0  # that were left out, having fewer pixels than `size`
    unreadable: int = 0  # that were left out, being damaged
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """Units of all taps together."""
        return sum(tap.shape[0] for tap in self.taps)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with whole(path) as temporary:
            temporary.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            ExemplarError: it is no such file, or something in it is wrong; all that is.
        """
        found = _json(path, _MOST_HEADER_BYTES)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ExemplarError(f"{path} is not the header of an index of this version: it must say format {FORMAT!r}")
        if wrong := _problems(found):
            raise ExemplarError(f"{path}: " + "; ".join(wrong))
        del found["format"]
        taps = tuple(Tap(tap["name"], tuple(tap["shape"])) for tap in found.pop("taps"))
        return cls(**{**found, "size": tuple(found["size"]), "sources": tuple(found["sources"])}, taps=taps)


@dataclass(frozen=True)
class Exemplar:
    """One of a unit's strongest photographs: its number, the unit's activation, and where in the unit's map that is, (y, x)."""

    photograph: int
    activation: float
    position: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class ExemplarIndex:
    """An index, opened. Its name is its folder's."""

    name: str
    header: Header
    images: ImageSet
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index in a folder, checking everything but the photographs.

        Raises:
            ExemplarError: there is none, it is unfinished or damaged.
        """
        if not (folder / HEADER).is_file():
            unfinished = (folder / PLAN).is_file()
            raise ExemplarError(f"{folder} holds {'an unfinished index: finish it with the same command' if unfinished else 'no index'}")
        header = Header.read(folder / HEADER)
        if header.indexed < header.strongest:
            raise ExemplarError(f"{folder / HEADER} is damaged: of {header.indexed} photographs it keeps {header.strongest}")
        names = _json(folder / NAMES)
        images = ImageSet(tuple(map(Path, header.sources)), tuple(map(tuple, names)) if _are_names(names, header) else ())
        if len(images) != header.photographs or names_digest(images.names) != header.names_digest:
            raise ExemplarError(f"{folder / NAMES} is damaged: it has not the {header.photographs} names of the index")
        arrays = {name: _array(folder / f"{name}.npy", dtype, shape) for name, (dtype, shape) in _forms(header).items()}
        _check_numbers(folder, header, arrays)
        return cls(folder.name, header, images, arrays)

    @cached_property
    def content(self) -> str:
        """SHA-256 of all that `strongest` and `read` give, wherever the photographs are now."""
        header = self.header
        found = hashlib.sha256(json.dumps([header.digest, header.names_digest, [asdict(tap) for tap in header.taps]]).encode())
        for name in ("photographs", "values", "positions", "digests"):
            found.update(np.ascontiguousarray(self.arrays[name]).data)
        return found.hexdigest()

    def has(self, tap: str) -> bool:
        """Whether the units of a tap are in it."""
        return any(one.name == tap for one in self.header.taps)

    def is_of(self, card: ModelCard) -> bool:
        """Whether it was made with the very weights of a network."""
        return (self.header.network, self.header.digest) == (card.name, card.sha256)

    def strongest(self, tap: str, unit: int, count: int) -> list[Exemplar]:
        """The `count` photographs that excite a unit most, the strongest first; all there are, where these are fewer."""
        row, shape = self._row(tap, unit)
        numbers, values, places = (self.arrays[name][row, :count].tolist() for name in ("photographs", "values", "positions"))
        at = [divmod(place, shape[2]) if len(shape) == 3 else None for place in places]
        return [Exemplar(*one) for one in zip(numbers, values, at, strict=True)]

    def percentile(self, tap: str, unit: int, activation: float, mean: bool = False) -> float:
        """Of how many of the photographs, in percent, a unit's activation is below `activation`: see `percentiles`."""
        return float(self.percentiles(tap, np.array([activation]), unit, mean)[0])

    def percentiles(self, tap: str, activations: NDArray[Any], unit: int | None = None, mean: bool = False) -> NDArray[np.float64]:
        """Of how many of the photographs, in percent, the activation of the same unit is below each of `activations`.

        A photograph counts with the maximum of the unit's map. Exact where that is among the strongest; else interpolated between
        percentiles.

        Args:
            activations: (..., units) of all units of a tap, or of any shape, all of one unit.
            unit: the one; None: all.
            mean: a photograph counts with the map's mean instead.

        Returns:
            As many, of the same shape.
        """
        row, shape = self._row(tap, unit or 0)
        rows = slice(row, row + (shape[0] if unit is None else 1))
        by_mean = mean and len(shape) == 3
        asked = activations.astype(np.float64)
        values = asked.reshape(-1, rows.stop - rows.start)
        found = np.stack([_percent(self.arrays["quantiles"][int(by_mean), rows], each) for each in values]).reshape(asked.shape)
        if by_mean:
            return found
        top = self.arrays["values"][rows]
        above = np.stack([(top >= each[:, None]).sum(1) for each in values]).reshape(asked.shape)
        most = 100 * (self.header.indexed - above) / self.header.indexed
        return np.where(above < top.shape[1], most, np.minimum(most, found))

    def all_largest(self, tap: str) -> NDArray[np.float32]:
        """The largest activation that a photograph gives each unit of a tap, (units,)."""
        row, shape = self._row(tap, 0)
        return np.array(self.arrays["values"][row : row + shape[0], 0])

    def largest(self, tap: str, unit: int, mean: bool = False) -> float:
        """The largest activation of a unit that a photograph gives; with `mean` of those that percentiles are of."""
        row, shape = self._row(tap, unit)
        return float(self.arrays["quantiles"][1, row, -1] if mean and len(shape) == 3 else self.arrays["values"][row, 0])

    def read(self, numbers: Sequence[int]) -> list[bytes]:
        """Photographs' files.

        Raises:
            ExemplarError: some are no longer there, or have changed since they were indexed; all of them.
        """
        files, wrong = [], []
        try:
            with self.images.reading() as read:
                for number in numbers:
                    try:
                        files.append(read(number))
                    except (OSError, KeyError):
                        wrong.append(f"{self.images.place(number)} is not there")
                        continue
                    if digest(files[-1]) != self.arrays["digests"][number].tobytes():
                        wrong.append(f"{self.images.place(number)} has changed since it was indexed")
        except OSError as error:
            wrong.append(str(error))
        if wrong:
            advice = f"put it back, say in {HEADER} of the index {self.name} where `sources` are now, or index anew"
            raise ExemplarError(f"{'; '.join(wrong[:3])}{f'; and {len(wrong) - 3} more' if len(wrong) > 3 else ''}: {advice}")
        return files

    def _row(self, tap: str, unit: int) -> tuple[int, tuple[int, ...]]:
        first = 0
        for one in self.header.taps:
            if one.name == tap:
                return first + unit, one.shape
            first += one.shape[0]
        raise KeyError(tap)


def digest(data: bytes) -> bytes:
    """What tells a photograph's file from another."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def names_digest(names: Sequence[tuple[int, str]]) -> str:
    """What tells a list of photographs from another."""
    return hashlib.sha256(as_json(names).encode()).hexdigest()


def as_json(names: Sequence[tuple[int, str]]) -> str:
    """The names as their file has them."""
    return json.dumps(names, ensure_ascii=False, indent=0)


def _percent(quantiles: NDArray[np.float32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each of values (units,) stands among its unit's percentiles (units, 101): of equal ones the first counts."""
    after = (quantiles < values[:, None]).sum(1)
    inside = after.clip(1, len(PERCENTS) - 1)
    units = np.arange(len(values))
    low, high = quantiles[units, inside - 1].astype(np.float64), quantiles[units, inside].astype(np.float64)
    # Where one of them is below a value and the next is not, they differ.
    share = (values - low) / np.where(after == inside, high - low, 1)
    return np.where(after == 0, 0.0, np.where(after == len(PERCENTS), 100.0, PERCENTS[inside - 1] + share))


def _forms(header: Header) -> dict[str, tuple[type, tuple[int, ...]]]:
    """Type and shape of each array."""
    ranked = (header.units, header.strongest)
    return {
        "values": (np.float32, ranked),
        "photographs": (np.int32, ranked),
        "positions": (np.int32, ranked),
        "quantiles": (np.float32, (2, header.units, len(PERCENTS))),
        "digests": (np.uint8, (header.photographs, DIGEST_BYTES)),
    }


def _array(path: Path, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ExemplarError(f"{path} cannot be read: {error}") from error
    if array.dtype != dtype or array.shape != shape:
        raise ExemplarError(f"{path} is damaged: it holds {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")
    return array  # type: ignore[no-any-return]


def _check_numbers(folder: Path, header: Header, arrays: Mapping[str, NDArray[Any]]) -> None:
    """What points somewhere must point at something."""
    places = [int(np.prod(tap.shape[1:])) for tap in header.taps for _ in range(tap.shape[0])]
    for name, most in (("photographs", header.photographs), ("positions", np.array(places)[:, None])):
        if not bool(((arrays[name] >= 0) & (arrays[name] < most)).all()):
            raise ExemplarError(f"{folder / name}.npy is damaged: it points at what is not there")
    if not bool(np.isfinite(arrays["values"]).all()):
        raise ExemplarError(f"{folder / 'values.npy'} is damaged: it holds values that are not finite")


def _json(path: Path, most_bytes: int | None = None) -> Any:
    try:
        if most_bytes is not None and path.stat().st_size > most_bytes:
            raise ExemplarError(f"{path} has more than {most_bytes} bytes")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ExemplarError(f"{path} cannot be read: {error}") from error


def _are_names(found: Any, header: Header) -> bool:
    sources = range(len(header.sources))
    return isinstance(found, list) and all(
        isinstance(one, list) and len(one) == 2 and type(one[0]) is int and one[0] in sources and isinstance(one[1], str) for one in found
    )


def _problems(found: dict[str, Any]) -> list[str]:
    """What is wrong with a header's fields."""
    counts = ("strongest", "photographs", "indexed", "small", "unreadable")
    texts = ("network", "digest", "names_digest")
    wanted = {*counts, *texts, "size", "taps", "enlarge", "sources", "versions", "format"}
    wrong = [f"{name} is missing" for name in sorted(wanted - found.keys())] + [
        f"{name} is unknown" for name in sorted(found.keys() - wanted)
    ]
    if wrong:
        return wrong
    wrong += [f"{name} is no text" for name in texts if not isinstance(found[name], str)]
    wrong += [f"{name} is no number from 0" for name in counts if not _natural(found[name])]
    wrong += [] if _naturals(found["size"], 2, 2) else ["size is not two numbers"]
    wrong += [] if isinstance(found["enlarge"], bool) else ["enlarge is neither true nor false"]
    wrong += [] if _texts(found["sources"]) else ["sources is no list of paths"]
    wrong += [] if isinstance(found["versions"], dict) else ["versions is no object"]
    if not isinstance(found["taps"], list) or not found["taps"] or not all(map(_is_tap, found["taps"])):
        wrong.append("taps is no list of names and shapes")
    if not wrong and not (1 <= found["strongest"] <= found["photographs"] >= found["indexed"]):
        wrong.append("strongest is not between 1 and photographs, or indexed is more than these")
    return wrong


def _natural(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def _naturals(value: Any, least: int, most: int) -> bool:
    return isinstance(value, list) and least <= len(value) <= most and all(_natural(one) and one > 0 for one in value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_tap(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"name", "shape"} or not isinstance(value["name"], str):
        return False
    return _naturals(value["shape"], 1, 3) and len(value["shape"]) != 2
