"""Problems: everything wrong with one request, collected so that all of it is told at once."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dgnam_server.errors import FailedPrecondition, InvalidRequest, NotFound, Violation

_SHOWN = 60  # characters of a caller's text that a message repeats
_LONGEST = 500  # characters of one description: trailing metadata has little room


@dataclass
class Problems:
    """Collects problems by kind; a field is a path like `target.terms[1].unit.index`."""

    _invalid: list[Violation] = field(default_factory=list)
    _missing: list[tuple[Violation, str, str]] = field(default_factory=list)
    _unmet: list[tuple[Violation, str]] = field(default_factory=list)

    def invalid(self, path: str, description: str) -> None:
        """A field that is malformed or out of range."""
        self._invalid.append(Violation(path, description[:_LONGEST]))

    def missing(self, path: str, kind: str, name: str, description: str) -> None:
        """A field that names something of this `kind` that is not there."""
        self._missing.append((Violation(path, description[:_LONGEST]), kind, name[:_SHOWN]))

    def unmet(self, path: str, kind: str, description: str) -> None:
        """A request that is right in itself but cannot be done with these models; `kind` is UPPER_SNAKE."""
        self._unmet.append((Violation(path, description[:_LONGEST]), kind))

    def raise_any(self) -> None:
        """Raise the gravest kind collected: InvalidRequest (which lists the others too), then NotFound, then FailedPrecondition."""
        if self._invalid:
            raise InvalidRequest([*self._invalid, *(v for v, *_ in self._missing), *(v for v, _ in self._unmet)])
        if self._missing:
            raise NotFound([(kind, name, violation.description) for violation, kind, name in self._missing])
        if self._unmet:
            raise FailedPrecondition(self._unmet[0][1], [violation for violation, _ in self._unmet])


def quoted(text: str) -> str:
    """A caller's text for a message: quoted, control characters escaped, cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names for a message, the first few where there are many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def nearest(name: str, names: Sequence[str], key: Callable[[str], str] = str.casefold) -> str:
    """The end of a not-found message: the names most like `name`, compared by `key`, or else what there is."""
    by_key = {key(known): known for known in names}
    found = difflib.get_close_matches(key(name[:_SHOWN]), by_key, 3, 0.5)
    return f"did you mean {' or '.join(by_key[plain] for plain in found)}?" if found else f"there are {listed(names)}"
