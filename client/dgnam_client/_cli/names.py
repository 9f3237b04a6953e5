"""Names of pictures' files: what is drawn, what is swept, the seed. The same request has the same name, whatever is beside it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

# What file systems take is 255 bytes; a draft's name and the longest suffix, .history.csv, need some of them.
MAX_STEM_BYTES = 160


def stems(texts: Sequence[str]) -> list[str]:
    """A file name without seed and suffix for each text; different texts have different ones, on any file system."""
    plain = [_plain(text) for text in texts]
    wanted: dict[str, set[str]] = {}
    for text, stem in zip(texts, plain, strict=True):
        wanted.setdefault(stem.casefold(), set()).add(text)
    return [_marked(text, stem) if len(wanted[stem.casefold()]) > 1 else stem for text, stem in zip(texts, plain, strict=True)]


def _plain(text: str) -> str:
    stem = re.sub(r"[^\w.+-]+", "-", text).strip("-.") or "picture"
    return stem if len(stem.encode()) <= MAX_STEM_BYTES else _marked(text, stem)


def _marked(text: str, stem: str) -> str:
    """The stem, cut, with a mark that only this text has."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{stem.encode()[:MAX_STEM_BYTES].decode(errors='ignore')}-{mark}"
