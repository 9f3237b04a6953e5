"""Searches: all searches of a server by name. The one owner of their state, in memory and on disk.

Rules: what is told is on disk before it counts. Calls for one search wait for each other. A search that is not in memory is made of its
answers again when it is asked for; those used least lately leave memory first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from dgnam_server.search.generations import Summary
from dgnam_server.search.optimizers import OPTIMIZERS
from dgnam_server.search.search import Answer, Problem, ReplayError, Search, replayed
from dgnam_server.search.space import Space
from dgnam_server.search.spec import SearchSpec
from dgnam_server.search.store import Store

MEMORY_BYTES = 2 * 2**30
SpaceOf = Callable[[SearchSpec], Space]


class UnknownSearch(Exception):
    """There is no search of this name; `names` are those there are."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(name)
        self.name, self.names = name, names


class TooManySearches(Exception):
    """There are as many searches as may be."""


class SearchOver(Exception):
    """Scores came after the search's end."""


class Unusable(Exception):
    """A search cannot go on here; the message says why."""


class BadAnswers(Exception):
    """Answers that were not taken in, none of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


@dataclass(eq=False)
class _Held:
    """One search's place in memory."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    search: Search | None = None
    deleted: bool = False


class Searches:
    """Any thread may call it.

    Args:
        space_of: a spec -> its space; raises Unusable where it is no longer there.
        most: how many there may be.
        memory_bytes: what those in memory may take together; the others are on disk alone.
    """

    def __init__(self, store: Store, space_of: SpaceOf, most: int, memory_bytes: int = MEMORY_BYTES) -> None:
        self._store, self._space_of, self._most, self._memory_bytes = store, space_of, most, memory_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def begin(self, spec: SearchSpec, references: Sequence[bytes]) -> bool:
        """Begin the search `spec.name`; False: there is one of this name already.

        Raises:
            TooManySearches: there is no room for another.
        """
        search = Search(spec, self._space_of(spec))  # before anything is kept, in case it cannot be
        with self._lock:
            names = self._store.names()
            if spec.name in names:
                return False
            if len(names) >= self._most:
                raise TooManySearches
            self._store.add(spec, references, progress(search))
            self._store.mark(spec.name, 0, search.mark)
            self._held[spec.name] = _Held(search=search)
        return True

    def overviews(self) -> Sequence[tuple[SearchSpec, Mapping[str, object]]]:
        """The spec and progress of every search, whether or not it can go on here, as all of them are at one moment; sorted by name."""
        return self._store.overviews()

    @contextmanager
    def using(self, name: str) -> Iterator[Search]:
        """A search for the length of the block, while nobody else has it; to be read only.

        Raises:
            UnknownSearch: there is none of this name.
            Unusable: it cannot go on here.
        """
        held = self._place(name)
        with held.lock:
            if held.deleted:
                raise UnknownSearch(name, self._store.names())
            if held.search is None:
                held.search = self._loaded(name)
            yield held.search
        self._make_room(name)

    def references(self, name: str, numbers: Sequence[int]) -> list[bytes]:
        """The PNG files of some of a search's references."""
        return self._store.references(name, numbers)

    def tell(self, name: str, answers: Sequence[Answer]) -> Summary | None:
        """Take answers in; what the generation came to, if they completed it.

        Raises:
            UnknownSearch, Unusable: as `using`.
            SearchOver: the search is over.
            BadAnswers: something is wrong with them; none was taken in.
        """
        with self.using(name) as search:
            problems = search.problems(answers)
            if search.ending and any(not problem.unknown for problem in problems):
                raise SearchOver(search.ending.value)
            if problems:
                raise BadAnswers(problems)
            self._store.tell(name, [(answer, search.is_late(answer.picture)) for answer in answers])
            try:
                completed = search.tell(answers)
                self._store.mark(name, search.generation, search.mark)
                self._store.progress(name, progress(search))
            except BaseException:
                self._place(name).search = None  # it may be half changed; the next call makes it anew of what is on disk
                raise
            return completed

    def delete(self, name: str) -> None:
        """Forget a search.

        Raises:
            UnknownSearch: there is none of this name.
        """
        held = self._place(name)
        with held.lock, self._lock:
            if held.deleted:
                raise UnknownSearch(name, self._store.names())
            self._store.delete(name)
            held.deleted, held.search = True, None
            self._held.pop(name, None)

    def close(self) -> None:
        """Let another server have them."""
        self._store.close()

    def _place(self, name: str) -> _Held:
        with self._lock:
            if name not in self._held:
                if name not in (names := self._store.names()):
                    raise UnknownSearch(name, names)
                self._held[name] = _Held()
            self._held.move_to_end(name)
            return self._held[name]

    def _loaded(self, name: str) -> Search:
        record = self._store.read(name)
        try:
            return replayed(record.spec, self._space_of(record.spec), record.answers, record.late, record.marks)
        except ReplayError as error:
            raise Unusable(
                f"its pictures of generation {error.generation} can no longer be drawn: it was begun with {_listed(record.spec.versions)}, "
                "and this server has other versions, another processor or other numbers of threads"
            ) from error

    def _make_room(self, name: str) -> None:
        """Let those used least lately leave memory, but not `name` nor one in use."""
        with self._lock:
            taken = sum(_bytes(held.search) for held in self._held.values() if held.search is not None)
            for other, held in self._held.items():
                if taken <= self._memory_bytes:
                    return
                if other != name and held.search is not None and held.lock.acquire(blocking=False):
                    taken -= _bytes(held.search)
                    held.search = None
                    held.lock.release()


def _bytes(search: Search) -> int:
    spec, dimensions = search.spec, search.space.dimensions
    return OPTIMIZERS[spec.optimizer].bytes(dimensions, spec.population) + 8 * spec.population * dimensions


def progress(search: Search) -> dict[str, object]:
    """How far a search is, as it is kept on disk."""
    best = search.best
    return {
        "dimensions": search.space.dimensions,
        "generations_done": len(search.history),
        "pictures_done": search.done,
        "waiting": len(search.waiting),
        "ending": search.ending and search.ending.value,
        "best_score": best and best.score,
        "best_picture": best and best.picture,
    }


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
