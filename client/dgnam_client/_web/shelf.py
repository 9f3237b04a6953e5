"""The pictures on disk, in one SQLite file: each by the digest of its recipe, so that its address stays valid.

Rules: a picture is written whole or not at all. Where the file would grow past its bound, the pictures seen least lately go first.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._recipe import Recipe
from .._result import Result

THUMBNAIL_PX = 160
CURVE_POINTS = 120
_KEPT_FREE = 0.1  # of the bound, once it was reached: making room for one picture at a time would be slow
_SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS picture (
  digest TEXT PRIMARY KEY, target TEXT NOT NULL, method TEXT NOT NULL, seed TEXT NOT NULL, activation REAL NOT NULL, readout TEXT NOT NULL,
  remark TEXT NOT NULL, percentiles TEXT NOT NULL, curve TEXT NOT NULL, drawn REAL NOT NULL, seen REAL NOT NULL, bytes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS content (digest TEXT PRIMARY KEY, png BLOB NOT NULL, thumbnail BLOB NOT NULL, recipe BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS term (unit TEXT NOT NULL, digest TEXT NOT NULL, alone INTEGER NOT NULL, PRIMARY KEY (unit, digest));
CREATE INDEX IF NOT EXISTS picture_seen ON picture (seen);
CREATE INDEX IF NOT EXISTS picture_drawn ON picture (drawn);
CREATE INDEX IF NOT EXISTS term_digest ON term (digest);
"""
_FIELDS = "digest, target, method, seed, activation, readout, remark, percentiles, curve, drawn"


@dataclass(frozen=True)
class Kept:
    """A picture on the shelf, without its file.

    Attributes:
        digest: SHA-256 of its recipe, in hexadecimal: its address.
        target: Its target, units by index.
        percentiles: How its activations compare with photographs', in words.
        curve: The activation at some of the steps, the last included.
        drawn: When, in seconds since 1970.
    """

    digest: str
    target: str
    method: str
    seed: int
    activation: float
    readout: str
    remark: str
    percentiles: tuple[str, ...]
    curve: tuple[float, ...]
    drawn: float

    @classmethod
    def of(cls, result: Result, target: str) -> Kept:
        """What the shelf tells of a picture that was drawn now."""
        return cls(
            digest=hashlib.sha256(result.recipe.to_json().encode()).hexdigest(),
            target=target,
            method=result.recipe.method,
            seed=result.recipe.seed,
            activation=result.activation,
            readout=result.readout,
            remark=result.remark,
            percentiles=tuple(map(str, result.percentiles)),
            curve=_curve(result),
            drawn=time.time(),
        )


@dataclass(frozen=True)
class Content:
    """A picture's files: PNG, WebP and JSON."""

    png: bytes
    thumbnail: bytes
    recipe: bytes

    @classmethod
    def of(cls, result: Result) -> Content:
        """Those of a picture."""
        return cls(result.png, _thumbnail(result), result.recipe.to_json().encode())


class Shelf:
    """The pictures of a gallery. May be used from many threads.

    Args:
        folder: Where the file is; made where it is missing.
        most_bytes: What the pictures may take together.

    Raises:
        OSError: The folder cannot be made or written.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(folder / "gallery.sqlite", check_same_thread=False, timeout=30)
            self._base.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"{folder / 'gallery.sqlite'} cannot be used: {error}") from error

    def keep(self, result: Result, target: str, units: Iterable[str]) -> Kept:
        """Put a picture on the shelf.

        Args:
            result: With its PNG and its history.
            target: Its target as the gallery writes it.
            units: The addresses of the target's units.
        """
        kept, content = Kept.of(result, target), Content.of(result)
        self._write(kept, content, tuple(units))
        return kept

    def find(self, digest: str) -> Kept | None:
        """A picture by its digest."""
        found = self._read(f"SELECT {_FIELDS} FROM picture WHERE digest = ?", (digest,))
        return _kept(found[0]) if found else None

    def content(self, digest: str) -> Content | None:
        """A picture's files. It counts as seen."""
        found = self._read("SELECT png, thumbnail, recipe FROM content WHERE digest = ?", (digest,))
        if not found:
            return None
        with self._lock, self._base:
            self._base.execute("UPDATE picture SET seen = ? WHERE digest = ?", (time.time(), digest))
        return Content(*found[0])

    def thumbnail(self, digest: str) -> bytes | None:
        """A picture's thumbnail, a WebP file. It does not count as seen: a page shows many."""
        found = self._read("SELECT thumbnail FROM content WHERE digest = ?", (digest,))
        return found[0][0] if found else None

    def recipe(self, digest: str) -> Recipe | None:
        """A picture's recipe."""
        content = self.content(digest)
        return None if content is None else Recipe.from_json(content.recipe)

    def of_target(self, target: str, count: int, start: int = 0) -> list[Kept]:
        """The pictures of exactly this target, by method and seed."""
        order = "ORDER BY method, CAST(seed AS INTEGER), drawn LIMIT ? OFFSET ?"
        return list(map(_kept, self._read(f"SELECT {_FIELDS} FROM picture WHERE target = ? {order}", (target, count, start))))

    def count_of_target(self, target: str) -> int:
        """How many pictures there are of exactly this target."""
        return int(self._read("SELECT COUNT(*) FROM picture WHERE target = ?", (target,))[0][0])

    def shared(self, unit: str, count: int) -> list[Kept]:
        """The newest pictures that this unit shares with others."""
        where = "WHERE digest IN (SELECT digest FROM term WHERE unit = ? AND NOT alone) ORDER BY drawn DESC LIMIT ?"
        return list(map(_kept, self._read(f"SELECT {_FIELDS} FROM picture {where}", (unit, count))))

    def covers(self, units: Sequence[str]) -> dict[str, str]:
        """For each of these units that has a picture of its own, the digest of the one drawn last."""
        marks = ", ".join("?" * len(units))
        query = f"SELECT unit, digest, MAX(drawn) FROM term JOIN picture USING (digest) WHERE alone AND unit IN ({marks}) GROUP BY unit"
        return {str(unit): str(digest) for unit, digest, _ in self._read(query, tuple(units))}

    def newest(self, count: int) -> list[Kept]:
        """The pictures drawn last."""
        return list(map(_kept, self._read(f"SELECT {_FIELDS} FROM picture ORDER BY drawn DESC LIMIT ?", (count,))))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def _read(self, query: str, values: tuple[object, ...]) -> list[Any]:
        with self._lock:
            return self._base.execute(query, values).fetchall()

    def _write(self, kept: Kept, content: Content, units: tuple[str, ...]) -> None:
        size = len(content.png) + len(content.thumbnail) + len(content.recipe)
        facts = (kept.method, str(kept.seed), kept.activation, kept.readout, kept.remark)
        told = (json.dumps(kept.percentiles), json.dumps(kept.curve), kept.drawn, kept.drawn, size)
        try:
            with self._lock, self._base:
                self._base.execute(
                    "INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (kept.digest, kept.target, *facts, *told)
                )
                self._base.execute(
                    "INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?)", (kept.digest, content.png, content.thumbnail, content.recipe)
                )
                self._base.executemany(
                    "INSERT OR REPLACE INTO term VALUES (?, ?, ?)", [(unit, kept.digest, len(units) == 1) for unit in units]
                )
                self._make_room(kept.digest)
        except sqlite3.Error as error:
            raise OSError(f"the picture cannot be kept: {error}") from error

    def _make_room(self, newest: str) -> None:
        (taken,) = self._base.execute("SELECT TOTAL(bytes) FROM picture").fetchone()
        if taken <= self.most_bytes:
            return
        for digest, size in self._base.execute("SELECT digest, bytes FROM picture WHERE digest != ? ORDER BY seen", (newest,)).fetchall():
            if taken <= (1 - _KEPT_FREE) * self.most_bytes:
                break
            for table in ("picture", "content", "term"):
                self._base.execute(f"DELETE FROM {table} WHERE digest = ?", (digest,))
            taken -= size
        self._base.execute("PRAGMA incremental_vacuum")


def _kept(row: Any) -> Kept:
    digest, target, method, seed, activation, readout, remark, percentiles, curve, drawn = row
    compared, steps = tuple(json.loads(percentiles)), tuple(json.loads(curve))
    return Kept(digest, target, method, int(seed), activation, readout, remark, compared, steps, drawn)


def _curve(result: Result) -> tuple[float, ...]:
    """The weighted sum of the terms' activations, at so many of the steps that a curve needs."""
    weights = [term.weight for term in result.recipe.terms]
    steps: Any = result.history @ weights if "history" in result.sent and len(result.history) else []
    stride = max(1, -(-len(steps) // CURVE_POINTS))
    picked = [*steps[::-stride]][::-1]
    return tuple(round(float(value), 5) for value in picked)


def _thumbnail(result: Result) -> bytes:
    from PIL import Image

    small = result.image.copy()
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, format="WEBP", quality=82, method=4)
    return file.getvalue()
