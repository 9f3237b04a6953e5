"""ModelCard: everything known about a model besides its numbers. One TOML file per model; the file's name is the model's name."""

import hashlib
import math
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

import tomli_w

MOST_SIDE_PX = 8192
MOST_PIXELS = 4096 * 4096
MOST_UNITS = 10_000_000  # of a tap, or of a code


class CardError(ValueError):
    """A card that cannot be used; the message lists everything wrong with it and names the file."""


class NotInstalled(CardError):
    """The model is good, but the package that holds its weights is not there; the message says how to install it."""


_NO_ADDRESS = re.compile(r"[:+*@\s]+")  # what separates the parts of addresses and targets


def addressable(name: str) -> str:
    """`name` as a part of an address: `_` for what an address cannot hold (`:`, `+`, `*`, `@`, spaces)."""
    return _NO_ADDRESS.sub("_", name)


@dataclass(frozen=True)
class Preprocessing:
    """How a [0, 1] RGB image becomes what the network eats: `(image - mean) / std` per channel, in the order `channels`.

    `channels` has a letter for each channel of the network's input: R, G, B, Y for the grey of the three, or 0 for one that pictures do
    not have and that stays at its mean, as "RGB0" for colour and depth. "GREY" is another name for "Y". `mean` and `std` have as many
    values.
    """

    size: tuple[int, int]  # height, width in pixels
    channels: str = "RGB"
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)  # of [0, 1] values, in the network's channel order
    std: tuple[float, ...] = (0.25, 0.25, 0.25)
    multiple: int = 0  # height and width may also be any multiple of it; 0: only `size`

    @property
    def letters(self) -> str:
        """What each channel of the input holds: see above."""
        return "Y" if self.channels == "GREY" else self.channels

    def problems(self) -> list[str]:
        """What is wrong with it."""
        wrong = []
        if not self.letters or set(self.letters) - set("RGBY0") or set(self.letters) == {"0"}:
            wrong.append(
                f'preprocessing.channels is {self.channels!r}; it must be "RGB", "BGR", "GREY", or a letter of R, G, B, Y (grey) and 0 '
                "(none: at its mean) for each channel of the input"
            )
        elif not len(self.mean) == len(self.std) == len(self.letters):
            values = len(self.letters)
            wrong.append(f"preprocessing.mean and std have {len(self.mean)} and {len(self.std)} values; {self.channels} needs {values}")
        wrong += size_problems("preprocessing.size", self.size)
        if not _whole(self.multiple, 0, MOST_SIDE_PX):
            wrong.append(f"preprocessing.multiple is {self.multiple!r}; it must be between 0 and {MOST_SIDE_PX}")
        if not all(_finite(value) for value in (*self.mean, *self.std)):
            wrong.append("preprocessing.mean and std must be finite numbers")
        if 0 in self.std:
            wrong.append("preprocessing.std has a zero")
        return wrong


@dataclass(frozen=True)
class Tap:
    """A place where activations can be read: a name and the shape of one row, (C, H, W) or (C,)."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Code:
    """A prior's input: which activations of which encoder it inverts, and their statistics over photographs.

    A code unit's bound is `mean + multiplier * std` (Nguyen et al. 2016, section 2.2), so the statistics travel with the prior: in its
    weight file, as `code.mean` and `code.std`, and in the card only where that file has no room for them. A loaded prior's card has them.
    Of a `signed` code, such as a generative adversarial network's, `mean - multiplier * std` is the lower bound; of others that is 0.
    """

    encoder: str = ""  # empty: the code is no network's activations
    tap: str = ""
    mean: tuple[float, ...] = ()  # (D,)
    std: tuple[float, ...] = ()  # (D,)
    start_learning_rate: float = 1.0  # the default for codes of this scale
    signed: bool = False
    units: int = 0  # D
    encoder_size: tuple[int, ...] = ()  # height and width in pixels of what the encoder sees; empty: its card's

    def __post_init__(self) -> None:
        if not self.units:
            object.__setattr__(self, "units", len(self.mean))

    def problems(self) -> list[str]:
        """What is wrong with it."""
        wrong = []
        if len(self.mean) != len(self.std):
            wrong.append(f"code.mean has {len(self.mean)} values, code.std {len(self.std)}")
        elif self.mean and len(self.mean) != self.units:
            wrong.append(f"code.mean has {len(self.mean)} values, code.units is {self.units}")
        if not _whole(self.units, 1, MOST_UNITS):
            wrong.append(f"code.units is {self.units!r}; it must be the number of code units")
        if not all(_finite(value) for value in (*self.mean, *self.std, self.start_learning_rate)):
            wrong.append("code.mean, std and start_learning_rate must be finite numbers")
        if self.encoder_size:
            wrong += size_problems("code.encoder_size", self.encoder_size)
        return wrong


@dataclass(frozen=True)
class ModelCard:
    """A model's card. `role` is "classifier" (has taps and labels) or "prior" (has a code)."""

    name: str
    role: Literal["classifier", "prior"]
    description: str
    licence: str
    format: str  # which file of loaders/ reads `file`
    file: str  # beside the card, in ../weights; of a `package`, its path in there
    sha256: str
    architecture: str  # which file of nets/ builds it
    parameters: dict[str, Any]  # that file's `build` arguments
    preprocessing: Preprocessing  # of a classifier's input, or of a prior's output (then read backwards)
    taps: tuple[Tap, ...] = ()
    labels: tuple[str, ...] = ()
    output_tap: str = ""  # the tap whose units the labels name
    package: str = ""  # the distribution, by its name on PyPI, that holds `file`
    code: Code | None = None
    training: dict[str, Any] = field(default_factory=dict)
    fit: Literal["crop", "resize"] = "crop"  # how a prior's larger picture gets the size that a network takes; a smaller one is enlarged
    forward_only: str = ""  # why nothing can be drawn for a classifier: what is wrong with its gradients
    options: dict[str, dict[str, float]] = field(default_factory=dict)  # a prior's defaults of methods' options, by the method's name

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a card.

        Raises:
            CardError: the file is not TOML, a field is missing, unknown or of the wrong shape; all problems in one message.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CardError(f"{path}: not a TOML file: {error}") from error
        try:
            code = data.pop("code", None)
            card = cls(
                name=path.stem,
                preprocessing=Preprocessing(**{k: _tuples(v) for k, v in data.pop("preprocessing").items()}),
                taps=tuple(Tap(tap["name"], tuple(tap["shape"])) for tap in data.pop("taps", [])),
                labels=_labels(data.pop("labels", []), path),
                code=None if code is None else Code(**{k: _tuples(v) for k, v in code.items()}),
                **data,
            )
            problems = card.problems()
        except (TypeError, KeyError, ValueError, AttributeError, OSError) as error:  # whatever shape the file has
            raise CardError(f"{path}: {error}") from error
        if problems:
            raise CardError(f"{path}: " + "; ".join(problems))
        return card

    def write(self, path: Path) -> None:
        """Write the card as TOML to `path`, whose stem must be the model's name; either the whole file appears or none."""
        assert path.stem == self.name
        data = {key: value for key, value in asdict(self).items() if value not in (None, (), "", {}) or key == "parameters"}
        data.pop("name")
        if self.role != "prior":
            data.pop("fit")
        if not self.preprocessing.multiple:
            data["preprocessing"].pop("multiple")
        if self.code is not None:
            data["code"] = {key: value for key, value in data["code"].items() if value not in ((), "")}
        with whole(path) as temporary:
            temporary.write_text(tomli_w.dumps(data), encoding="utf-8")

    def problems(self) -> list[str]:
        """What is wrong with it."""
        problems = []
        if not self.name or self.name.startswith(".") or set(self.name) & set("/\\") or addressable(self.name) != self.name:
            problems.append(
                f"{self.name!r} cannot be a model's name: it must not be empty, begin with a dot, or contain spaces or any of / \\ : + * @"
            )
        if nameless := [tap.name for tap in self.taps if addressable(tap.name) != tap.name]:
            problems.append(f"no address can hold a space or any of : + * @, as the tap{'s' * (len(nameless) > 1)} {', '.join(nameless)}")
        if self.role not in ("classifier", "prior"):
            problems.append(f'role is {self.role!r}; it must be "classifier" or "prior"')
        problems += self.preprocessing.problems()
        problems += self._file_problems()
        for tap in self.taps:
            if not tap.shape or not all(_whole(length, 1, MOST_UNITS) for length in tap.shape) or math.prod(tap.shape) > MOST_UNITS:
                problems.append(
                    f"the shape of tap {tap.name!r} is {list(tap.shape)}; it must be lengths whose product is at most {MOST_UNITS}"
                )
        if not all(isinstance(label, str) for label in self.labels):
            problems.append("labels must be texts")
        if self.role == "classifier" and (not self.taps or not self.output_tap):
            problems.append("a classifier needs taps and output_tap")
        if self.role == "classifier" and self.taps:
            shapes = {tap.name: tap.shape for tap in self.taps}
            if self.output_tap not in shapes:
                problems.append(f"output_tap {self.output_tap!r} is not among the taps")
            elif self.labels and shapes[self.output_tap][:1] != (len(self.labels),):
                units = shapes[self.output_tap][0] if shapes[self.output_tap] else 0
                problems.append(f"{len(self.labels)} labels for {units} units of {self.output_tap}")
        if self.fit not in ("crop", "resize"):
            problems.append(f'fit is {self.fit!r}; it must be "crop" or "resize"')
        for method, options in self.options.items():
            if self.role != "prior":
                problems.append(f"options.{method} is a prior's; this is a {self.role}")
            elif not isinstance(options, dict) or any(isinstance(v, bool) or not isinstance(v, int | float) for v in options.values()):
                problems.append(f"options.{method} must be a table of numbers by the option's name")
        if self.role == "prior" and self.preprocessing.channels not in ("RGB", "BGR", "GREY"):
            problems.append(f'a prior draws "RGB", "BGR" or "GREY", not {self.preprocessing.channels!r}')
        if self.role == "prior":
            problems += ["a prior needs [code]"] if self.code is None else self.code.problems()
        return problems

    def _file_problems(self) -> list[str]:
        """Whether `file` stays where weights are: in the pack's folder, or in the package."""
        path = PurePosixPath(self.file)
        if path.is_absolute() or ".." in path.parts or "\\" in self.file or (not self.package and len(path.parts) > 1):
            return [
                f"file is {self.file!r}; it must be " + ("a path within the package" if self.package else "the name of a file in weights/")
            ]
        return []


def size_problems(name: str, size: tuple[Any, ...]) -> list[str]:
    """What is wrong with a height and a width: each is limited, and so is their product."""
    if len(size) != 2 or not all(_whole(side, 1, MOST_SIDE_PX) for side in size) or math.prod(size) > MOST_PIXELS:
        return [
            f"{name} is {list(size)}; it must be [height, width], each between 1 and {MOST_SIDE_PX}, together at most {MOST_PIXELS} pixels"
        ]
    return []


def sha256(path: Path) -> str:
    """The file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it into place at the end; after an error it is removed instead."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _labels(given: list[str] | str, card: Path) -> tuple[str, ...]:
    """The labels themselves, or those of a text file beside the card, one a line: several cards may share one.

    Raises:
        ValueError: it is not the name of a file beside the card.
    """
    return tuple(card.with_name(given).read_text(encoding="utf-8").splitlines() if isinstance(given, str) else given)


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
