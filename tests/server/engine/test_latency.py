"""How long a client's pictures take beside others, by the scheduler alone: the device is simulated, its time is counted in seconds."""

import statistics
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest
from dgnam_server.engine.scheduler import CREDIT_S, Demand, Priority, Scheduler

SHORT, LONG, ENDLESS = 20, 2000, 10**6  # steps
CAPACITY = 32


def processor(rows: int) -> float:
    """Seconds of a step of so many rows: each takes its time."""
    return 0.002 + 0.008 * rows


def gpu(rows: int) -> float:
    """Seconds of a step of so many rows: most of it does not depend on them."""
    return 0.005 + 0.00005 * rows


class Device:
    """Steps what the scheduler says, as the runner and its lanes do."""

    def __init__(self, step_s: Callable[[int], float]) -> None:
        self.now = 0.0
        self.done: Counter[str] = Counter()  # row-steps by client
        self.most_rows = 0
        self.scheduler: Scheduler[str] = Scheduler(10**9, lambda key, rows: step_s(rows))
        self._step_s = step_s
        self._jobs: dict[int, Demand[str]] = {}
        self._rows: dict[str, list[list[int]]] = {}  # by key: job and steps left of each, who has waited longest first
        self._numbers = count()

    def ask(self, client: str, steps: int, key: str = "a", rows: int = 1, priority: Priority = Priority.INTERACTIVE) -> int:
        job = next(self._numbers)
        self._jobs[job] = Demand(job, client, key, rows, CAPACITY, steps, priority=priority)
        self.scheduler.add(self._jobs[job])
        return job

    def step(self) -> None:
        for waiting in self.scheduler.admit():
            demand = self._jobs[waiting.job]
            self._rows.setdefault(demand.key, []).append([waiting.job, demand.steps])
        turn = self.scheduler.next_turn()
        if turn is None:
            self.now += 0.01
            return
        rows = self._rows[turn.key]
        due = [row for row in rows if row[0] in turn.due.jobs][: turn.due.rows]
        assert len(due) == turn.due.rows, "as many as it says"
        cost = self._step_s(len(due))
        self.now += cost
        self.most_rows = max(self.most_rows, len(due))
        self._rows[turn.key] = [row for row in rows if row not in due]
        for row in due:
            row[1] -= 1
            self.done[self._jobs[row[0]].client] += 1
            if row[1]:
                self._rows[turn.key].append(row)
            else:
                self.scheduler.left(row[0], unread=False)
                if row[0] not in {job for job, _ in self._rows[turn.key]}:
                    self._jobs.pop(row[0])
        self.scheduler.charge(turn, cost)

    def latency(self, client: str, steps: int = SHORT, key: str = "a") -> float:
        """Seconds until a picture is done, which is asked for while a step is under way."""
        asked = self.now
        self.step()
        job = self.ask(client, steps, key)
        while job in self._jobs:
            self.step()
        self.scheduler.close(job)
        return self.now - asked

    def run(self, seconds: float) -> None:
        ends = self.now + seconds
        while self.now < ends:
            self.step()


def beside_a_greedy_one(step_s: Callable[[int], float], before_s: float = 10.0) -> Device:
    device = Device(step_s)
    for _ in range(330):
        device.ask("greedy", LONG)
    device.run(before_s)
    return device


def quiet(step_s: Callable[[int], float], steps: int = SHORT) -> float:
    return steps * step_s(1)


@pytest.mark.parametrize("key", ["a", "b"], ids=["the same batch", "another batch"])
@pytest.mark.parametrize("before_s", [0.0, 10.0], ids=["from the beginning", "later"])
@pytest.mark.parametrize("step_s", [processor, gpu])
def test_short_pictures_beside_330_long_jobs_take_hardly_longer_than_alone(
    step_s: Callable[[int], float], before_s: float, key: str
) -> None:
    device = beside_a_greedy_one(step_s, before_s)
    device.latency("modest", key=key)
    times = []
    begun = device.now
    while device.now < begun + CREDIT_S / 2:
        times.append(device.latency("modest", key=key))
    assert statistics.median(times) <= 1.5 * quiet(step_s)


def test_who_never_stops_asking_has_half_of_the_device_in_the_end() -> None:
    device = beside_a_greedy_one(processor)
    for _ in range(40):
        device.latency("modest")
    before, begun = device.done.copy(), device.now
    times = [device.latency("modest") for _ in range(30)]
    assert statistics.mean(times) <= 2.2 * quiet(processor)
    took, drawn = device.now - begun, device.done["greedy"] - before["greedy"]
    assert drawn * processor(CAPACITY) / CAPACITY >= 0.4 * took, "and the other one the other half"


def test_a_visitor_who_draws_less_than_its_part_always_comes_first() -> None:
    device = beside_a_greedy_one(processor)
    times = []
    for _ in range(40):
        times.append(device.latency("modest"))
        device.run(2 * quiet(processor))
    assert max(times[1:]) <= 1.8 * quiet(processor)


def test_one_long_picture_beside_a_full_batch_costs_the_batch_nothing_where_rows_are_cheap() -> None:
    alone, both = beside_a_greedy_one(gpu), beside_a_greedy_one(gpu)
    both.ask("modest", LONG)
    for device in (alone, both):
        device.done.clear()
        device.run(5)
    assert both.done["greedy"] >= 0.97 * alone.done["greedy"]


def test_two_clients_who_want_all_get_as_much_as_one_would() -> None:
    alone, both = Device(processor), Device(processor)
    for _ in range(64):
        alone.ask("one", LONG)
        for client in ("one", "two"):
            both.ask(client, LONG)
    for device in (alone, both):
        device.run(20)
    assert both.done.total() >= 0.97 * alone.done.total()
    assert both.done["one"] == pytest.approx(both.done["two"], rel=0.1)


@pytest.mark.parametrize("step_s", [processor, gpu])
def test_sixteen_clients_with_a_row_each_are_one_batch(step_s: Callable[[int], float]) -> None:
    device = Device(step_s)
    for number in range(16):
        device.ask(f"client {number}", ENDLESS)
        device.run(0.5)
    device.done.clear()
    begun = device.now
    device.run(10)
    assert device.done.total() == pytest.approx(16 * (device.now - begun) / step_s(16), rel=0.01), "every step has all rows"
    assert len(set(device.done.values())) == 1


def test_jobs_that_nobody_waits_for_have_no_credit() -> None:
    device = beside_a_greedy_one(processor)
    device.done.clear()
    device.ask("night", 5 * SHORT, priority=Priority.BATCH)
    device.run(5 * quiet(processor))
    assert device.done["night"] <= 0.4 * 5 * SHORT, "it has a fifth of the device"


def test_new_names_one_after_another_do_not_keep_others_from_the_device() -> None:
    device = beside_a_greedy_one(processor)
    device.done.clear()
    begun = device.now
    for number in range(150):
        device.latency(f"client {number}")
    took = device.now - begun
    assert device.done["greedy"] * processor(CAPACITY) / CAPACITY >= 0.3 * took


def test_many_new_names_at_once_keep_others_waiting_no_longer_than_the_credit_of_all() -> None:
    device = beside_a_greedy_one(processor)
    for number in range(50):
        device.ask(f"client {number}", SHORT)
    device.done.clear()
    begun = device.now
    while not device.done["greedy"]:
        device.step()
    assert device.now - begun <= CREDIT_S
