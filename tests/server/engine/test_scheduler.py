"""The scheduler's policy, without torch, threads or a clock."""

from collections import Counter
from typing import Any

import pytest
from dgnam_server.engine.scheduler import BATCH_COST, PASSES, Demand, Priority, Scheduler, Waiting

ROW_S = 0.001


@pytest.fixture
def scheduler() -> Scheduler[str]:
    return Scheduler(1000, lambda key, rows: ROW_S * rows)


def add(scheduler: Scheduler[str], job: int, key: str = "a", client: str = "", rows: int = 1, capacity: int = 8, **more: Any) -> None:
    scheduler.add(Demand(job, client, key, rows, capacity, **more))


def admitted(scheduler: Scheduler[str]) -> list[tuple[int, int]]:
    return [(row.job, row.row) for row in scheduler.admit()]


def turns(scheduler: Scheduler[str], count: int, cost: dict[str, float] | None = None) -> Counter[str]:
    """How much each key was served."""
    served: Counter[str] = Counter()
    for _ in range(count):
        turn = scheduler.next_turn()
        assert turn is not None
        spent = (cost or {}).get(turn.key, 1.0)
        scheduler.charge(turn, spent)
        served[turn.key] += spent  # type: ignore[assignment]
    return served


def test_rows_are_admitted_up_to_the_capacity_and_the_rest_when_others_leave(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, rows=3, capacity=2)
    assert admitted(scheduler) == [(0, 0), (0, 1)]
    assert admitted(scheduler) == []
    scheduler.left(0, unread=False)
    assert admitted(scheduler) == [(0, 2)]


def test_single_requests_are_not_held_up_by_one_with_many_rows(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, rows=8, capacity=4)
    add(scheduler, 1, capacity=4)
    add(scheduler, 2, capacity=4)
    assert admitted(scheduler) == [(0, 0), (0, 1), (1, 0), (0, 2)]
    scheduler.left(0, unread=False)
    assert admitted(scheduler) == [(2, 0)]


def test_nobody_starves_behind_later_arrivals(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, rows=3, capacity=1)
    order = []
    for job in range(1, 10):
        add(scheduler, job, capacity=1)
        order += admitted(scheduler)
        scheduler.left(order[-1][0], unread=False)
    assert order.index((0, 2)) <= 5


def test_keys_share_time_in_equal_parts_whatever_their_steps_cost(scheduler: Scheduler[str]) -> None:
    cost = {"cheap": 1.0, "dear": 10.0}
    add(scheduler, 0, "cheap")
    add(scheduler, 1, "dear")
    list(scheduler.admit())
    served = turns(scheduler, 1100, cost)
    assert abs(served["cheap"] - served["dear"]) <= 10


def test_clients_share_time_in_equal_parts_however_many_keys_they_have(scheduler: Scheduler[str]) -> None:
    for job in range(36):
        add(scheduler, job, f"greedy {job}", "greedy")
    add(scheduler, 36, "modest", "modest")
    list(scheduler.admit())
    served = turns(scheduler, 720)
    assert served["modest"] == pytest.approx(360, abs=2)
    assert all(served[f"greedy {job}"] == pytest.approx(10, abs=2) for job in range(36))


@pytest.mark.parametrize("clients", [1, 3, 12])
@pytest.mark.parametrize(
    "costs", [[1.0] * 12, [float(cost) for cost in range(1, 13)], [1.0] * 11 + [100.0]], ids=["equal", "rising", "one slow"]
)
def test_of_twelve_networks_none_waits_for_another_longer_than_two_steps_of_the_slowest(
    scheduler: Scheduler[str], costs: list[float], clients: int
) -> None:
    cost = {f"network {number}": spent for number, spent in enumerate(costs)}
    for number, key in enumerate(cost):
        add(scheduler, number, key, client=f"client {number % clients}")
    order: list[str] = []
    assert len(admitted(scheduler)) == len(cost)
    for _ in range(1000):
        turn = scheduler.next_turn()
        assert turn is not None
        scheduler.charge(turn, cost[turn.key])
        order.append(turn.key)
    assert set(order) == set(cost)
    for key in cost:
        waited: Counter[str] = Counter()
        for stepped in order:
            if stepped == key:
                waited.clear()
                continue
            waited[stepped] += 1
            assert waited[stepped] * cost[stepped] <= 2 * max(costs), f"{key} waited for {waited[stepped]} steps of {stepped}"


def test_who_shares_a_batch_keeps_turns_for_its_other_keys(scheduler: Scheduler[str]) -> None:
    """The one with a single row in it pays for its own turns, and does not drag the others along all the time."""
    add(scheduler, 0, "shared", "many", rows=6)
    add(scheduler, 1, "own", "many")
    add(scheduler, 2, "shared", "one")
    add(scheduler, 3, "other", "third")
    list(scheduler.admit())
    served = turns(scheduler, 600)
    assert served["other"] == pytest.approx(200, abs=2)
    assert served["own"] == pytest.approx(100, abs=2)
    assert served["shared"] == pytest.approx(300, abs=4)


def test_batch_work_gets_a_part_of_an_interactive_clients_time_and_is_not_starved(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, "night", "a", priority=Priority.BATCH)
    add(scheduler, 1, "day", "b")
    list(scheduler.admit())
    served = turns(scheduler, 500)
    assert served["day"] / served["night"] == pytest.approx(BATCH_COST, rel=0.1)


def test_of_one_clients_rows_the_interactive_ones_start_first(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, rows=2, capacity=1, priority=Priority.BATCH)
    add(scheduler, 1, capacity=1)
    assert admitted(scheduler) == [(1, 0)]
    scheduler.left(1, unread=False)
    assert admitted(scheduler) == [(0, 0)]


def test_another_clients_row_joins_a_batch_that_is_full_of_long_ones(scheduler: Scheduler[str]) -> None:
    for job in range(330):
        add(scheduler, job, client="long", capacity=8)
    assert len(admitted(scheduler)) == 8
    add(scheduler, 330, client="short", rows=9, capacity=8)
    assert admitted(scheduler) == [(330, row) for row in range(4)], "half of the places, as there are two"
    add(scheduler, 331, client="third", capacity=8)
    assert admitted(scheduler) == [(331, 0)]
    for job in range(5):
        scheduler.drop(job)
        assert admitted(scheduler) == [], "until the batch is small again, places that come free stay so"


def test_a_batch_never_grows_beyond_twice_its_capacity(scheduler: Scheduler[str]) -> None:
    for job in range(50):
        add(scheduler, job, client=f"client {job}", capacity=4)
    assert len(admitted(scheduler)) == 8


def test_rows_wait_until_their_bytes_fit_and_come_in_order(scheduler: Scheduler[str]) -> None:
    for job in range(6):
        add(scheduler, job, f"key {job}", f"client {job}", row_bytes=300)
    assert [job for job, _ in admitted(scheduler)] == [0, 1, 2]
    scheduler.left(1, unread=False)
    assert [job for job, _ in admitted(scheduler)] == [3]
    assert scheduler.budget.held == 900


def test_a_large_row_is_passed_by_newcomers_only_and_not_for_ever(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, "running", "a", row_bytes=300)
    assert admitted(scheduler) == [(0, 0)]
    add(scheduler, 1, "large", "large", row_bytes=900)
    add(scheduler, 2, "more", "a", row_bytes=10)
    passed = 0
    for job in range(3, 3 + 2 * PASSES):
        add(scheduler, job, f"key {job}", f"new {job}", row_bytes=1)
        passed += len(admitted(scheduler))
    assert passed == PASSES
    for job in (0, *range(3, 3 + PASSES)):
        scheduler.close(job)
    assert admitted(scheduler)[0] == (1, 0)


def test_results_hold_memory_until_they_are_read(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, rows=4, row_bytes=100, result_bytes=300)
    assert admitted(scheduler) == [(0, 0)], "two would leave less than a quarter free"
    scheduler.left(0, unread=True)
    assert scheduler.budget.held == 300
    assert admitted(scheduler) == [(0, 1)]
    scheduler.left(0, unread=True)
    assert admitted(scheduler) == [], "who does not read goes no further"
    assert scheduler.counts() == {"a": (0, 2, 0)}
    scheduler.read(0)
    assert admitted(scheduler) == [(0, 2)]
    assert scheduler.counts() == {"a": (1, 1, 400)}
    scheduler.drop(0)
    assert scheduler.budget.held == 300, "what was not read is there yet"
    scheduler.close(0)
    assert scheduler.budget.held == 0
    scheduler.read(0)


def test_a_dropped_job_leaves_nothing_behind(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, rows=2, capacity=1, row_bytes=5)
    add(scheduler, 1, capacity=1, row_bytes=7)
    assert admitted(scheduler) == [(0, 0)]
    scheduler.drop(0)
    assert scheduler.counts() == {"a": (0, 1, 0)}
    assert admitted(scheduler) == [(1, 0)]
    assert scheduler.budget.held == 7
    scheduler.left(1, unread=False)
    assert scheduler.counts() == {}
    assert scheduler.next_turn() is None
    scheduler.drop(0)
    assert scheduler.budget.held == 0


def test_clients_that_have_gone_are_forgotten(scheduler: Scheduler[str]) -> None:
    for job in range(50):
        add(scheduler, job, client=f"client {job}")
        assert admitted(scheduler) == [(job, 0)]
        turns(scheduler, 1)
        scheduler.left(job, unread=False)
        scheduler.close(job)
    assert len(scheduler._clients._served) <= 1
    assert not scheduler._jobs and not scheduler._lanes and not list(scheduler.budget.clients())


def test_the_order_of_clients_is_that_of_admission(scheduler: Scheduler[str]) -> None:
    add(scheduler, 0, client="a", rows=3, capacity=1, row_bytes=1)
    add(scheduler, 1, client="b", capacity=1, row_bytes=1)
    assert scheduler.order() == ["a", "b"]
    assert next(scheduler.admit()) == Waiting(Priority.INTERACTIVE, 0, 0, 0)
    assert scheduler.order() == ["b", "a"], "who holds nothing comes first"


def test_waiting_rows_order_by_priority_then_rank_then_arrival() -> None:
    now, later = Priority.INTERACTIVE, Priority.BATCH
    assert sorted([Waiting(now, 3, 3, 0), Waiting(now, 3, 1, 2), Waiting(later, 0, 0, 0)])[0] == Waiting(now, 3, 1, 2)
