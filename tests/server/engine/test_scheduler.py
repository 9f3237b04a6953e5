"""The scheduler's policy, without torch, threads or a clock."""

from dgnam_server.engine.scheduler import Scheduler, Waiting


def admitted(scheduler: Scheduler[str], key: str) -> list[tuple[int, int]]:
    return [(row.job, row.row) for row in scheduler.admit(key)]


def test_rows_are_admitted_up_to_the_capacity_and_the_rest_when_others_leave() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.add(0, "a", rows=3, capacity=2)
    assert admitted(scheduler, "a") == [(0, 0), (0, 1)]
    assert admitted(scheduler, "a") == []
    scheduler.left("a", 1)
    assert admitted(scheduler, "a") == [(0, 2)]


def test_single_requests_are_not_held_up_by_one_with_many_rows() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.add(0, "a", rows=8, capacity=4)
    scheduler.add(1, "a", rows=1, capacity=4)
    scheduler.add(2, "a", rows=1, capacity=4)
    assert admitted(scheduler, "a") == [(0, 0), (0, 1), (1, 0), (0, 2)]
    scheduler.left("a", 1)
    assert admitted(scheduler, "a") == [(2, 0)]


def test_nobody_starves_behind_later_arrivals() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.add(0, "a", rows=3, capacity=1)
    order = []
    for job in range(1, 10):
        scheduler.add(job, "a", rows=1, capacity=1)
        order += admitted(scheduler, "a")
        scheduler.left("a", 1)
    assert order.index((0, 2)) <= 5


def test_keys_share_time_in_equal_parts_whatever_their_steps_cost() -> None:
    scheduler: Scheduler[str] = Scheduler()
    cost = {"cheap": 1.0, "dear": 10.0}
    scheduler.add(0, "cheap", 1, 8)
    scheduler.add(1, "dear", 1, 8)
    served = dict.fromkeys(cost, 0.0)
    for _ in range(1100):
        key = scheduler.next_key()
        assert key is not None
        scheduler.admit(key)
        scheduler.charge(key, cost[key])
        served[key] += cost[key]
    assert abs(served["cheap"] - served["dear"]) <= 10


def test_a_newcomer_starts_level_with_the_others_and_does_not_catch_up_for_the_past() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.add(0, "old", 1, 8)
    for _ in range(100):
        scheduler.next_key()
        scheduler.charge("old", 1.0)
    scheduler.add(1, "new", 1, 8)
    turns = []
    for _ in range(10):
        key = scheduler.next_key()
        assert key is not None
        turns.append(key)
        scheduler.charge(key, 1.0)
    assert 4 <= turns.count("old") <= 6


def test_a_dropped_job_leaves_nothing_behind() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.add(0, "a", rows=2, capacity=1)
    scheduler.add(1, "a", rows=1, capacity=1)
    assert admitted(scheduler, "a") == [(0, 0)]
    assert scheduler.drop(0, "a") == 1
    assert scheduler.counts() == {"a": (1, 1)}
    scheduler.left("a", 1)
    assert admitted(scheduler, "a") == [(1, 0)]
    scheduler.left("a", 1)
    assert scheduler.counts() == {}
    assert scheduler.next_key() is None
    assert scheduler.drop(7, "a") == 0


def test_waiting_rows_order_by_rank_then_arrival() -> None:
    assert sorted([Waiting(3, 3, 0), Waiting(3, 1, 2), Waiting(0, 0, 0)])[1] == Waiting(3, 1, 2)
