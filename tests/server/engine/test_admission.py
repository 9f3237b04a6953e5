"""Which jobs may wait."""

from dataclasses import dataclass
from typing import Any

import pytest
from dgnam_server.engine.admission import Admission
from dgnam_server.engine.job import Job, Standing, State
from dgnam_server.engine.load import EngineLimits, Overloaded, TooLarge

MIB = 2**20


@dataclass(frozen=True)
class Sized:
    """Work that only has sizes."""

    held_bytes: int = 0
    row_bytes: int = 0
    result_bytes: int = 0
    rows: int = 1
    steps: int = 10
    strict: bool = False
    key: str = "key"


class Queue:
    def __init__(self, **limits: int) -> None:
        self.admission = Admission(EngineLimits(**limits))

    def enter(self, client: str, work: Any = None) -> Job:
        job = Job(0, work or Sized(), lambda event: None, None, Standing(client))
        self.admission.check(job.work, client, row_step_s=0.01)
        self.admission.enter(job)
        return job

    def fill(self, client: str, work: Any = None) -> int:
        """Have a client enter jobs until it may not."""
        for count in range(10_000):
            try:
                self.enter(client, work)
            except Overloaded:
                return count
        raise AssertionError("no end")


def test_one_client_may_fill_its_part_and_others_still_find_room() -> None:
    queue = Queue(queue_capacity=10, client_queue_capacity=6)
    assert queue.fill("greedy") == 6
    with pytest.raises(Overloaded, match="6 jobs of client greedy wait, as many as one client may") as refused:
        queue.enter("greedy")
    assert refused.value.by_client
    assert 0.5 <= refused.value.retry_after_s <= 60
    assert queue.fill("second") == 5, "four places are left, and half of all are its own"
    assert queue.fill("third") == 3


def test_a_client_alone_may_fill_the_queue() -> None:
    queue = Queue(queue_capacity=10, client_queue_capacity=128)
    assert queue.fill("only") == 10
    with pytest.raises(Overloaded, match="the queue is full: 10 jobs wait, 10 of them of client only") as refused:
        queue.enter("only")
    assert refused.value.by_client
    queue.enter("newcomer")


def test_a_place_is_free_again_once_a_job_has_left_the_queue() -> None:
    queue = Queue(queue_capacity=1, client_queue_capacity=1)
    job = queue.enter("a")
    assert queue.fill("a") == 0
    job.move(State.RUNNING)
    queue.admission.moved(job, State.QUEUED)
    assert queue.fill("a") == 1


def test_what_requests_hold_is_bounded_from_their_admission_to_the_end_of_their_calls() -> None:
    queue, work = Queue(max_memory_mib=400), Sized(held_bytes=10 * MIB)
    job = queue.enter("a", work)
    assert 1 + queue.fill("a", work) == 7, "of the quarter that is for requests, at most three quarters"
    with pytest.raises(Overloaded, match="hold 70 MiB, 70 of them of client a"):
        queue.enter("a", work)
    queue.enter("b", work)
    job.move(State.RUNNING)
    queue.admission.moved(job, State.QUEUED)
    assert queue.fill("a", work) == 0, "a running job's request is still there"
    queue.admission.close(job)
    queue.admission.budget.take("", 0)
    assert queue.admission.budget.of("a") == 60 * MIB


@pytest.mark.parametrize(
    "work", [Sized(held_bytes=101 * MIB), Sized(row_bytes=251 * MIB), Sized(row_bytes=200 * MIB, result_bytes=51 * MIB)]
)
def test_what_will_never_fit_is_refused_for_good(work: Sized) -> None:
    with pytest.raises(TooLarge, match=r"needs about \d+ MiB of memory, and this server has (100|250) for it: ask for"):
        Queue(max_memory_mib=400).enter("a", work)
