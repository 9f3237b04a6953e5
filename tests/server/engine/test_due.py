"""Which rows take part in a step."""

from collections.abc import Callable
from operator import itemgetter

import pytest
from dgnam_server.engine.due import BRIEF_STEP_S, RIDE, Due, brief, parted, riders


def linear(rows: int) -> float:
    return 0.01 * rows


def flat(rows: int) -> float:
    return 0.01


ROWS = {"many": 30, "some": 4, "few": 2, "one": 1, "another": 1}


@pytest.mark.parametrize(
    ("client", "step_s", "expected"),
    [
        ("one", linear, {"one", "another"}),
        ("few", linear, {"few", "one", "another"}),
        ("some", linear, {"some", "few", "one", "another"}),
        ("many", linear, set(ROWS)),
        ("one", flat, set(ROWS)),
    ],
)
def test_those_with_no_more_rows_ride_along_and_others_where_they_cost_little(
    client: str, step_s: Callable[[int], float], expected: set[str]
) -> None:
    assert riders(ROWS, client, step_s) == expected


def test_of_those_with_more_rows_as_many_ride_along_as_may() -> None:
    rows = {"one": 1, "two": 2, "thirty": 30}
    assert riders(rows, "one", lambda count: 0.01 + 0.0025 * count) == {"one", "two"}
    assert riders(rows, "one", lambda count: 1.0 if count == 1 else RIDE) == set(rows), "up to half as long again"


def test_a_brief_step_has_as_many_rows_as_its_time_but_one_for_each_client() -> None:
    assert brief(32, 1, linear) == round(BRIEF_STEP_S / 0.01)
    assert brief(32, 16, linear) == 16
    assert brief(4, 1, linear) == 4
    assert brief(32, 1, flat) == 32
    assert brief(32, 1, lambda rows: 10.0 * rows) == 1, "a step has a row at least"


def test_the_rows_that_have_waited_longest_are_due_first() -> None:
    rows = [(0, "a0"), (1, "b0"), (0, "a1"), (2, "c0"), (0, "a2")]
    assert parted(rows, itemgetter(0), Due({0, 2}, 3)) == ([rows[0], rows[2], rows[3]], [rows[1], rows[4]])
    assert parted(rows, itemgetter(0), None) == (rows, [])
    assert parted(rows, itemgetter(0), Due({7}, 3)) == ([], rows)
