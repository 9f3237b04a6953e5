"""All searches of a server: on disk what was told, in memory what fits, and one caller at a time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dgnam_server.search.search import Answer
from dgnam_server.search.searches import BadAnswers, Searches, SearchOver, TooManySearches, UnknownSearch, Unusable
from dgnam_server.search.space import Space
from dgnam_server.search.spec import SearchSpec
from dgnam_server.search.store import FILE, Store, StoreError

Spec = Callable[..., SearchSpec]


@pytest.fixture
def opened(tmp_path: Path, space: Space) -> Iterator[Callable[..., Searches]]:
    """`opened()`: the searches of the folder; the one before is closed as a kill would, without a word."""
    made: list[Searches] = []

    def make(space_of: Callable[[SearchSpec], Space] = lambda spec: space, most: int = 10, memory_bytes: int = 2**30) -> Searches:
        for each in made:
            each.close()
        made.append(Searches(Store(tmp_path / "state"), space_of, most, memory_bytes))
        return made[-1]

    yield make
    for each in made:
        each.close()


def tell(searches: Searches, name: str, value: float = 1.0) -> None:
    with searches.using(name) as search:
        answers = [Answer(one.number, (value + one.number,)) for one in search.waiting]
    searches.tell(name, answers)


def state(searches: Searches, name: str) -> tuple[object, ...]:
    with searches.using(name) as search:
        codes = search.codes([one for one in search.waiting if not one.is_reference]).tolist()
        return list(search.history), dict(search.answers), search.waiting, codes


def test_what_was_told_is_there_after_a_restart(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened()
    assert searches.begin(spec(references=("a",), references_per_generation=1), [b"png"])
    assert not searches.begin(spec(), [])
    for _ in range(3):
        tell(searches, "one")
    searches.tell("one", [Answer(15, (3.0,)), Answer(17, ())])
    before = state(searches, "one")
    again = opened()
    assert [one.name for one, _ in again.overviews()] == ["one"]
    assert state(again, "one") == before
    assert again.references("one", [0, 0]) == [b"png", b"png"]
    assert [progress["generations_done"] for _, progress in again.overviews()] == [3]
    tell(again, "one")
    assert [progress["pictures_done"] for _, progress in again.overviews()] == [16]


def test_searches_that_do_not_fit_into_memory_come_back(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened(memory_bytes=0)
    for name in ("one", "two", "three"):
        searches.begin(spec(name), [])
        tell(searches, name)
    assert sum(held.search is not None for held in searches._held.values()) == 1
    states = [state(searches, name) for name in ("one", "two", "three")]
    assert states[0] == states[1] == states[2]


def test_of_two_that_tell_at_once_one_is_heard(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened()
    searches.begin(spec(), [])
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def client(value: float) -> None:
        start.wait()
        try:
            searches.tell("one", [Answer(number, (value,)) for number in range(4)])
            outcomes.append(f"heard {value}")
        except BadAnswers as error:
            outcomes.append(error.problems[0].text)

    threads = [threading.Thread(target=client, args=(float(value),)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heard = [outcome for outcome in outcomes if outcome.startswith("heard")]
    assert len(heard) == 1 and len(outcomes) == 8
    assert outcomes.count("picture 0 has its scores already; did another client tell them?") == 7
    with searches.using("one") as search:
        assert search.generation == 1 and heard == [f"heard {search.history[0].mean}"]


def test_of_wrong_answers_none_is_taken_in(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened()
    searches.begin(spec(), [])
    before = state(searches, "one")
    with pytest.raises(BadAnswers, match="nan is not a finite number"):
        searches.tell("one", [Answer(0, (1.0,)), Answer(1, (float("nan"),))])
    assert state(searches, "one") == before == state(opened(), "one")


def test_after_the_end(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened()
    searches.begin(spec(max_pictures=4), [])
    with searches.using("one") as search:
        numbers = [one.number for one in search.waiting]
    searches.tell("one", [Answer(numbers[0], ()), *(Answer(number, (1.0,)) for number in numbers[1:])])
    for searches_now in (searches, opened()):
        with pytest.raises(SearchOver):
            searches_now.tell("one", [Answer(numbers[1], (1.0,))])
        with pytest.raises(BadAnswers, match="no picture 99"):
            searches_now.tell("one", [Answer(99, (1.0,))])
    searches_now.tell("one", [Answer(numbers[0], (7.0,))])
    with opened().using("one") as search:
        assert search.best is not None and search.best.score == 7, "a late score is kept all the same"


def test_limits_and_names(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened(most=2)
    for name in ("one", "two"):
        searches.begin(spec(name), [])
    with pytest.raises(TooManySearches):
        searches.begin(spec("three"), [])
    assert not searches.begin(spec("two"), []), "one that is there needs no room"
    searches.delete("one")
    assert searches.begin(spec("three"), [])
    for call in (searches.delete, lambda name: tell(searches, name)):
        with pytest.raises(UnknownSearch) as caught:
            call("one")
        assert list(caught.value.names) == ["three", "two"]


def test_a_deleted_search_begins_anew(opened: Callable[..., Searches], spec: Spec) -> None:
    searches = opened()
    searches.begin(spec(), [])
    before = state(searches, "one")
    tell(searches, "one")
    searches.delete("one")
    searches.begin(spec(), [])
    assert state(searches, "one") == before == state(opened(), "one")


def test_a_search_without_its_prior_is_still_listed_and_can_be_deleted(opened: Callable[..., Searches], spec: Spec) -> None:
    opened().begin(spec(), [])

    def gone(spec: SearchSpec) -> Space:
        raise Unusable("its prior is not loaded here")

    searches = opened(gone)
    with pytest.raises(Unusable, match="not loaded"):
        tell(searches, "one")
    assert [one for one, _ in searches.overviews()] == [spec()]
    searches.delete("one")
    assert searches.overviews() == []


def test_searches_may_be_deleted_while_they_are_listed(opened: Callable[..., Searches], spec: Spec) -> None:
    searches, stop = opened(), threading.Event()
    searches.begin(spec(), [])

    def come_and_go() -> None:
        while not stop.is_set():
            searches.begin(spec(name="two"), [])
            searches.delete("two")

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(come_and_go)
        try:
            listed = [[one.name for one, _ in searches.overviews()] for _ in range(300)]
        finally:
            stop.set()
        other.result()
    assert {tuple(names) for names in listed} <= {("one",), ("one", "two")}


def test_points_that_are_no_longer_the_same(opened: Callable[..., Searches], spec: Spec, space: Space) -> None:
    searches = opened()
    searches.begin(spec(optimizer="cma", versions={"cma": "3.0"}), [])
    tell(searches, "one")
    searches._store.mark("one", 1, 12345.0)
    with pytest.raises(Unusable, match=r"generation 1 can no longer be drawn: it was begun with cma 3.0, and this server has other"):
        tell(opened(), "one")


def test_two_servers_do_not_share_a_folder(opened: Callable[..., Searches], spec: Spec, tmp_path: Path) -> None:
    opened().begin(spec(), [])
    with pytest.raises(StoreError, match="Each needs a state_dir of its own"):
        Store(tmp_path / "state").names()


def test_nothing_is_written_before_the_first_search(tmp_path: Path) -> None:
    assert Store(tmp_path / "state").names() == []
    assert not (tmp_path / "state").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be looked at" * 30)
    with pytest.raises(StoreError, match="file is not a database"):
        Store(tmp_path).names()
