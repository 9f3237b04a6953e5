"""Rows that are done after one step."""

from collections.abc import Sequence

import pytest
import torch
from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Event, Failed, Failure, Finished
from dgnam_server.engine.one_shot import OneShotLane

FAILED = Failed(Failure.NUMERIC, "b cannot be answered")


def answers(rows: Sequence[tuple[str, int]]) -> list[object]:
    assert not torch.is_grad_enabled()
    return [FAILED if work == "b" else f"{work}{row}" for work, row in rows]


def shown(events: list[tuple[int, Event]]) -> list[tuple[int, object]]:
    return [(job, (event.row, event.value) if isinstance(event, Finished) else event) for job, event in events]


def test_each_row_is_answered_once_and_leaves() -> None:
    lane = OneShotLane(answers)
    for job, work, row in ((0, "a", 0), (1, "b", 0), (0, "a", 1), (2, "c", 5)):
        lane.join(job, work, row)
    assert shown(lane.step(tell=False)) == [(0, (0, "a0")), (1, FAILED), (0, (1, "a1")), (2, (5, "c5"))]
    assert len(lane) == 0


def test_a_jobs_rows_leave_unanswered() -> None:
    lane = OneShotLane(answers)
    for job, work in ((0, "a"), (1, "c"), (0, "a")):
        lane.join(job, work, 0)
    assert lane.leave(0) == 2
    assert lane.leave(0) == 0
    assert shown(lane.step(tell=False)) == [(1, (0, "c0"))]


def test_only_the_rows_that_are_due_are_answered_in_the_order_in_which_they_came() -> None:
    lane = OneShotLane(answers)
    for job, work, row in ((0, "a", 0), (1, "c", 0), (0, "a", 1), (0, "a", 2)):
        lane.join(job, work, row)
    assert shown(lane.step(False, Due({0}, 2))) == [(0, (0, "a0")), (0, (1, "a1"))]
    assert shown(lane.step(False, Due({0, 1}, 5))) == [(1, (0, "c0")), (0, (2, "a2"))]


def test_out_of_memory_halves_the_batch_and_tries_again() -> None:
    sizes = []

    def little_room(rows: Sequence[tuple[str, int]]) -> list[object]:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("pretend")
        return answers(rows)

    lane = OneShotLane(little_room)
    for row in range(4):
        lane.join(0, "a", row)
    assert shown(lane.step(tell=False)) == [(0, (row, f"a{row}")) for row in range(4)]
    assert sizes == [4, 2, 2]


def test_an_error_is_the_engines_to_handle() -> None:
    def broken(rows: Sequence[tuple[str, int]]) -> list[object]:
        raise ValueError("broken on purpose")

    lane = OneShotLane(broken)
    lane.join(0, "a", 0)
    with pytest.raises(ValueError, match="on purpose"):
        lane.step(tell=False)
