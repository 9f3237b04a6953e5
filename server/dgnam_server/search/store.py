"""The searches on disk: specs and answers, in one SQLite database. What is committed survives a kill of the process."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dgnam_server.search.generations import Values
from dgnam_server.search.search import Answer
from dgnam_server.search.spec import SearchSpec

FILE = "searches.sqlite"
_TABLES = """
    CREATE TABLE IF NOT EXISTS search (name TEXT PRIMARY KEY, spec TEXT NOT NULL, progress TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS reference (
        search TEXT NOT NULL, number INTEGER NOT NULL, png BLOB NOT NULL, PRIMARY KEY (search, number)
    );
    CREATE TABLE IF NOT EXISTS answer (
        search TEXT NOT NULL, picture INTEGER NOT NULL, late INTEGER NOT NULL, "values" TEXT NOT NULL, PRIMARY KEY (search, picture, late)
    );
    CREATE TABLE IF NOT EXISTS mark (
        search TEXT NOT NULL, generation INTEGER NOT NULL, mark REAL NOT NULL, PRIMARY KEY (search, generation)
    );
"""


class StoreError(Exception):
    """The database cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Record:
    """What is on disk of one search: see `search.replayed`."""

    spec: SearchSpec
    answers: Mapping[int, Values]
    late: Sequence[Answer]
    marks: Mapping[int, float]


class Store:
    """The database in a folder, which is made when it is first written to. Any thread may call it; one server at a time may have it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def names(self) -> list[str]:
        """All searches, sorted."""
        if self._is_empty:
            return []
        with self._transaction() as database:
            return [name for (name,) in database.execute("SELECT name FROM search ORDER BY name")]

    @property
    def _is_empty(self) -> bool:
        """Whether nothing was ever kept here."""
        return self._connection is None and not (self._folder / FILE).is_file()

    def add(self, spec: SearchSpec, references: Sequence[bytes], progress: Mapping[str, object]) -> None:
        """Keep a new search and its references' PNG files."""
        with self._transaction() as database:
            database.execute("INSERT INTO search VALUES (?, ?, ?)", (spec.name, spec.to_json(), json.dumps(progress)))
            rows = [(spec.name, number, png) for number, png in enumerate(references)]
            database.executemany("INSERT INTO reference VALUES (?, ?, ?)", rows)

    def delete(self, name: str) -> None:
        """Forget a search."""
        with self._transaction() as database:
            database.execute("DELETE FROM search WHERE name = ?", (name,))
            for table in ("reference", "answer", "mark"):
                database.execute(f"DELETE FROM {table} WHERE search = ?", (name,))

    def read(self, name: str) -> Record:
        """All but the references."""
        with self._transaction() as database:
            ((text,),) = database.execute("SELECT spec FROM search WHERE name = ?", (name,)).fetchall()
            rows = database.execute('SELECT picture, late, "values" FROM answer WHERE search = ? ORDER BY rowid', (name,)).fetchall()
            marks = dict(database.execute("SELECT generation, mark FROM mark WHERE search = ?", (name,)).fetchall())
        told = [(late, Answer(picture, tuple(json.loads(values)))) for picture, late, values in rows]
        on_time = {answer.picture: answer.values for late, answer in told if not late}
        return Record(SearchSpec.from_json(text), on_time, [answer for late, answer in told if late], marks)

    def overviews(self) -> list[tuple[SearchSpec, dict[str, object]]]:
        """Every search's spec, and its progress as it was last kept; sorted by name, all of one moment."""
        if self._is_empty:
            return []
        with self._transaction() as database:
            rows = database.execute("SELECT spec, progress FROM search ORDER BY name").fetchall()
        return [(SearchSpec.from_json(text), json.loads(progress)) for text, progress in rows]

    def references(self, name: str, numbers: Sequence[int]) -> list[bytes]:
        """The PNG files of some references."""
        with self._transaction() as database:
            found = [
                database.execute("SELECT png FROM reference WHERE search = ? AND number = ?", (name, number)).fetchone()
                for number in numbers
            ]
        return [png for (png,) in found]

    def mark(self, name: str, generation: int, mark: float) -> None:
        """Keep what tells a generation's points from others."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", (name, generation, mark))

    def tell(self, name: str, answers: Sequence[tuple[Answer, bool]]) -> None:
        """Keep answers, each with whether it is late."""
        rows = [(name, answer.picture, late, json.dumps(answer.values)) for answer, late in answers]
        with self._transaction() as database:
            database.executemany("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?)", rows)

    def progress(self, name: str, progress: Mapping[str, object]) -> None:
        """Keep how far a search is."""
        with self._transaction() as database:
            database.execute("UPDATE search SET progress = ? WHERE name = ?", (json.dumps(progress), name))

    def close(self) -> None:
        """Let another server have it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _opened(self._folder)
                with self._connection as database:
                    yield database
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"{self._folder / FILE} cannot be used: {error}{_advice(error)}") from error


def _opened(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / FILE, timeout=2, check_same_thread=False)
    try:
        # One server at a time, since each holds its searches' state in memory.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _advice(error: Exception) -> str:
    return "; does another server use the folder? Each needs a state_dir of its own" if "locked" in str(error) else ""
