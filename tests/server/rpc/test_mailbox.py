"""What is delivered when: coalescing, previews, order, heartbeats."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest
import skipped_time
from dgnam_server.engine.events import Failed, Failure, Finished, Progress, Queued, Started
from dgnam_server.rpc.mailbox import Mailbox, Pace

PREVIEW = np.zeros((2, 2, 3), np.float32)


def moved(row: int, step: int, preview: np.ndarray | None = None) -> Progress:
    return Progress(row, step, 100, 0.0, preview)


def finished(row: int = 0) -> Finished:
    return Finished(row, PREVIEW)


async def test_in_order_and_at_once() -> None:
    mailbox = Mailbox(Pace(progress_s=60))
    opening = [Queued(2), Started()]
    for event in opening:
        mailbox.put(event)
    assert await mailbox.take() == opening


async def test_the_latest_progress_of_each_row_counts() -> None:
    mailbox = Mailbox(Pace(progress_s=0.05))
    mailbox.put(moved(1, 1))
    assert [[(p.row, p.step) for p in delivery] for delivery in await mailbox.take()] == [[(1, 1)]]  # type: ignore[union-attr]
    for step in range(2, 30):
        mailbox.put(moved(1, step))
        mailbox.put(moved(0, step + 5))
    (delivery,) = await mailbox.take()
    assert isinstance(delivery, tuple)
    assert [(p.row, p.step) for p in delivery] == [(0, 34), (1, 29)]


async def test_progress_keeps_its_distance() -> None:
    loop = asyncio.get_running_loop()
    mailbox = Mailbox(Pace(progress_s=0.05))
    times = []
    for step in range(4):
        mailbox.put(moved(0, step))
        await mailbox.take()
        times.append(loop.time())
    assert times[-1] - times[0] >= 0.14


async def test_a_preview_is_kept_until_delivered() -> None:
    mailbox = Mailbox(Pace(progress_s=0))
    mailbox.put(moved(0, 10, PREVIEW))
    mailbox.put(moved(0, 11))
    (delivery,) = await mailbox.take()
    assert isinstance(delivery, tuple)
    assert (delivery[0].step, delivery[0].preview is PREVIEW) == (11, True)
    mailbox.put(moved(0, 12))
    (delivery,) = await mailbox.take()
    assert isinstance(delivery, tuple)
    assert delivery[0].preview is None


async def test_progress_never_follows_an_ending() -> None:
    mailbox = Mailbox(Pace(progress_s=60))
    mailbox.put(moved(0, 1))
    await mailbox.take()
    mailbox.put(moved(0, 9))
    mailbox.put(finished(0))
    mailbox.put(moved(1, 9))
    mailbox.put(Failed(Failure.BUG, "x"))
    progress, first, second = await mailbox.take()
    assert isinstance(progress, tuple)
    assert [p.row for p in progress] == [0, 1]
    assert isinstance(first, Finished)
    assert isinstance(second, Failed)


def test_heartbeat_after_a_silence() -> None:
    async def silent_for() -> float:
        mailbox = Mailbox(Pace(heartbeat_s=10))
        assert await mailbox.take() == []
        return asyncio.get_running_loop().time()

    assert skipped_time.run(silent_for()) == pytest.approx(10)


async def test_from_another_thread() -> None:
    mailbox = Mailbox(Pace(progress_s=0.001))

    def work() -> None:
        for step in range(2000):
            mailbox.put(moved(0, step))
        mailbox.put(finished())

    thread = threading.Thread(target=work)
    thread.start()
    steps: list[int] = []
    async with asyncio.timeout(100):
        while True:
            deliveries = await mailbox.take()
            steps += [d[0].step for d in deliveries if isinstance(d, tuple)]
            if isinstance(deliveries[-1], Finished):
                break
    thread.join()
    assert steps == sorted(set(steps))
    assert steps[-1] == 1999


def test_a_closed_loop_is_no_error() -> None:
    async def make() -> Mailbox:
        return Mailbox(Pace())

    asyncio.run(make()).put(Started())


def test_the_contract_says_when_a_heartbeat_comes() -> None:
    contract = (Path(__file__).parents[3] / "proto/dgnam_proto/v1/synthesis.proto").read_text(encoding="utf-8")
    assert contract.count(f"sent when the stream has been silent for {Pace().heartbeat_s:g} s.") == 2
