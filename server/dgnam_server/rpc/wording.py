"""How messages repeat a caller's text and tell which names there are."""

import difflib
from collections.abc import Callable, Sequence

SHOWN = 60  # characters of a caller's text that a message repeats


def quoted(text: str) -> str:
    """A caller's text for a message: quoted, control characters escaped, cut where it is long."""
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names for a message, the first few where there are many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def nearest(name: str, names: Sequence[str], key: Callable[[str], str] = str.casefold) -> str:
    """The end of a message on an unknown name: the names most like it, compared by `key`, or else what there is."""
    by_key = {key(known): known for known in names}
    found = difflib.get_close_matches(key(name[:SHOWN]), by_key, 3, 0.5)
    return f"did you mean {' or '.join(by_key[plain] for plain in found)}?" if found else f"there are {listed(names)}"
