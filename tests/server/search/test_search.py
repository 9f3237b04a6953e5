"""One search: what it shows, what it takes, when it ends, and that its answers are all there is to it."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from dgnam_server.search.generations import Shown
from dgnam_server.search.optimizers import OPTIMIZERS
from dgnam_server.search.search import Answer, Ending, ReplayError, Search, replayed
from dgnam_server.search.space import Space
from dgnam_server.search.spec import SearchSpec

Spec = Callable[..., SearchSpec]


def answered(search: Search, pictures: Iterable[Shown] | None = None) -> list[Answer]:
    """Scores as a neuron would give them that likes the code's first values; a reference gives 0.5."""
    wanted = list(search.waiting if pictures is None else pictures)
    return [
        Answer(one.number, (0.5,) if one.is_reference else tuple([float(search.codes([one])[0, :2].sum())] * search.spec.repeats))
        for one in wanted
    ]


def texts(search: Search, *answers: Answer) -> list[str]:
    return [problem.text for problem in search.problems(answers)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_search_climbs_until_its_pictures_are_used_up(spec: Spec, space: Space, optimizer: str) -> None:
    search = Search(spec(optimizer=optimizer, population=8, max_pictures=150), space)
    while search.ending is None:
        search.tell(answered(search))
    assert search.ending is Ending.PICTURES
    assert search.done == 150 and not search.waiting
    assert [one.scored for one in search.history] == [8] * 18 + [6], "the last generation has what is left"
    assert search.best is not None and search.best.score == max(one.best or 0 for one in search.history)
    np.testing.assert_allclose(search.best.code[:2].sum(), search.best.score, rtol=1e-6)
    assert search.best.score > (search.history[0].best or 0)


def test_codes_keep_within_the_bounds(spec: Spec, space: Space) -> None:
    search = Search(spec(optimizer="cma", population=8, max_pictures=400), space)
    while search.ending is None:
        assert np.abs(search.codes(search.waiting)).max() <= 3
        search.tell(answered(search))
    assert search.best is not None and search.best.score == 6


def test_answers_in_any_order_and_in_parts_lead_to_the_same_pictures(spec: Spec, space: Space) -> None:
    whole, parts = Search(spec(), space), Search(spec(), space)
    for _ in range(5):
        told = answered(whole)
        assert whole.tell(told) is not None
        for answer in reversed(told[1:]):
            assert parts.tell([answer]) is None
        assert [one.number for one in parts.waiting] == [told[0].picture]
        assert parts.tell(told[:1]) == whole.history[-1]
        np.testing.assert_array_equal(whole.codes(whole.waiting), parts.codes(parts.waiting))


def test_references_take_turns_among_the_others(spec: Spec, space: Space) -> None:
    search = Search(spec(references=("a", "b", "c"), references_per_generation=2), space)
    shown, places = [], set()
    for _ in range(6):
        references = [one for one in search.waiting if one.is_reference]
        assert len(references) == 2 and len(search.waiting) == 6
        shown += [one.index for one in references]
        places |= {one.number % 6 for one in references}
        done = search.tell(answered(search))
        assert done is not None and (done.reference_mean, done.reference_best, done.scored) == (0.5, 0.5, 4)
    assert sorted(shown) == [0] * 4 + [1] * 4 + [2] * 4
    assert len(places) > 3, "not always in the same places"
    assert search.done == 24, "references do not count"


def test_repeats_count_with_their_mean(spec: Spec, space: Space) -> None:
    search = Search(spec(repeats=3), space)
    first, *rest = search.waiting
    done = search.tell([Answer(first.number, (1.0, 2.0, 6.0)), *(Answer(one.number, (0.5,)) for one in rest)])
    assert done is not None and (done.best, done.mean) == (3.0, (3 + 3 * 0.5) / 4)


def test_missing_scores_and_late_ones(spec: Spec, space: Space) -> None:
    search, told = Search(spec(), space), Search(spec(), space)
    lost = search.waiting[1]
    code = search.codes([lost])[0]
    answers = [Answer(one.picture, () if one.picture == lost.number else one.values) for one in answered(search)]
    done = search.tell(answers)
    told.tell(answers)
    assert done is not None and (done.scored, done.missing) == (3, 1)
    assert texts(search, Answer(lost.number, ())) == [f"picture {lost.number} was said to be missing before"]
    assert search.is_late(lost.number)
    assert search.tell([Answer(lost.number, (99.0,))]) is None
    assert search.best is not None and search.best.picture == lost.number
    np.testing.assert_array_equal(search.best.code, code)
    np.testing.assert_array_equal(search.codes(search.waiting), told.codes(told.waiting))
    assert texts(search, Answer(lost.number, (1.0,))) == [f"picture {lost.number} has its scores already; did another client tell them?"]


def test_a_score_may_come_after_all_while_its_generation_lasts(spec: Spec, space: Space) -> None:
    search = Search(spec(), space)
    first, *rest = answered(search)
    search.tell([Answer(first.picture, ())])
    assert not search.problems([first]) and not search.is_late(first.picture)
    search.tell([first])
    done = search.tell(rest)
    assert done is not None and done.missing == 0


def test_what_is_wrong_with_answers(spec: Spec, space: Space) -> None:
    search = Search(spec(repeats=2), space)
    search.tell([Answer(0, (1.0,))])
    assert texts(search, Answer(0, (1.0,))) == ["picture 0 has its scores already; did another client tell them?"]
    assert texts(search, Answer(1, (1.0,)), Answer(1, (1.0,))) == ["picture 1 is here twice: give all its values in one score"]
    assert texts(search, Answer(1, (1.0, 2.0, 3.0))) == ["3 values are more than the 2 times that it is shown"]
    for value in (np.nan, np.inf, -np.inf):
        assert texts(search, Answer(1, (value,))) == [f"{value} is not a finite number: say `missing` where there is no score"]
    (unknown,) = search.problems([Answer(1, (1.0,)), Answer(77, (1.0,))])
    assert (unknown.index, unknown.unknown) == (1, True)
    assert unknown.text == "the search has shown no picture 77; the last is 3"


def test_it_ends_where_nothing_gets_better(spec: Spec, space: Space) -> None:
    search = Search(spec(patience=3), space)
    for mean in (1.0, 2.0, 1.5, 2.0, 1.9):
        assert search.ending is None
        search.tell([Answer(one.number, (mean,)) for one in search.waiting])
    assert search.ending is Ending.PATIENCE and not search.waiting
    assert not search.problems([]) and search.done == 20


def test_it_ends_at_a_score(spec: Spec, space: Space) -> None:
    search = Search(spec(stop_score=5.0), space)
    search.tell([Answer(one.number, (4.9,)) for one in search.waiting])
    search.tell([Answer(one.number, (5.0 if one.index == 2 else 0.0,)) for one in search.waiting])
    assert search.ending is Ending.SCORE


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("start", ["mean", "draws", "code"])
def test_replayed_it_is_the_same(spec: Spec, space: Space, optimizer: str, start: str) -> None:
    code, references = (0.5,) * 6 if start == "code" else (), {"references": ("a",), "references_per_generation": 1}
    chosen = spec(optimizer=optimizer, population=8, max_pictures=80, start=start, start_code=code, **references)
    search, marks, late = Search(chosen, space), {}, []
    for generation in range(5):
        marks[generation] = search.mark
        answers = answered(search)
        missing = next(one for one in search.waiting if not one.is_reference).number
        search.tell([Answer(one.picture, () if one.picture == missing else one.values) for one in answers])
        if generation == 2:
            late.append(Answer(missing, (50.0,)))
            search.tell(late)
    search.tell(answered(search)[:3])
    on_time = {number: () if number == late[0].picture else values for number, values in search.answers.items()}
    again = replayed(chosen, space, on_time, late, marks)
    assert (again.answers, again.history, again.waiting) == (search.answers, search.history, search.waiting)
    assert again.best is not None and search.best is not None and again.best.picture == search.best.picture == late[0].picture
    np.testing.assert_array_equal(again.codes(again.pictures[:1]), search.codes(search.pictures[:1]))
    assert again.mark == search.mark
    with pytest.raises(ReplayError, match="generation 3 "):
        replayed(chosen, space, on_time, late, {**marks, 3: marks[3] * 1.01})


def test_it_starts_where_it_is_told(spec: Spec, space: Space) -> None:
    code = np.linspace(-1, 1, 6)
    at_code = Search(spec(start="code", start_code=tuple(code)), space)
    np.testing.assert_allclose(at_code.codes(at_code.waiting[:1])[0], code, rtol=1e-6)
    drawn = Search(spec(start="draws"), space)
    np.testing.assert_allclose(drawn.codes(drawn.waiting), space.draw(4, 0).clip(-3, 3), rtol=1e-6)
    narrow = Search(spec(optimizer="cma", start="code", start_code=tuple(code), population=40), space)
    assert np.abs(narrow.codes(narrow.waiting).mean(0) - code).max() < 0.6
