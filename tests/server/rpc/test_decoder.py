"""Decoder: processes that decode, and end when they must."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from dgnam_server.engine.load import Overloaded
from dgnam_server.rpc import decoder
from dgnam_server.rpc.decoder import Decoder
from picture_files import decode_here, noise, of_many_scans, saved
from PIL import Image

MOST = 16_000_000
Open = Callable[..., Decoder]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    made: list[Decoder] = []

    def opened(workers: int = 1, most_pixels: int = MOST, most_s: float = 60) -> Decoder:
        made.append(Decoder(workers, most_pixels, most_s))
        return made[-1]

    yield opened
    for one in made:
        await one.close()


async def test_it_gives_what_decoding_gives(opened: Open) -> None:
    here, data = opened(), noise(40, 30, "JPEG")
    for size in ((20, 20), (30, 50)):
        np.testing.assert_array_equal(await here.decode(data, size), await decode_here(data, size))
    with pytest.raises(ValueError, match="damaged or cut short"):
        await here.decode(noise(40, 30)[:-90], (20, 20))
    assert (await here.decode(data, (20, 20))).shape == (20, 20, 3)
    assert len(here._all) == 1, "one process did it all"


@pytest.mark.skipif(sys.platform != "linux", reason="processes' niceness is looked up")
async def test_decoding_lets_drawing_go_first(opened: Open) -> None:
    """In the server's own session: in another one, Linux would give it as much of the processors, whatever its niceness."""
    here = opened()
    await here.decode(noise(40, 30), (20, 20))
    (process,) = here._all
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert os.getsid(process.pid) == os.getsid(0)
    assert os.getpgid(process.pid) == process.pid, "Ctrl-C in a terminal is not for it"


async def test_a_picture_that_takes_too_long_ends_its_process_and_no_other(opened: Open) -> None:
    slow, quick = opened(most_s=0.3), opened()
    hostile = of_many_scans(1000, 1000, 20_000)
    assert len(hostile) < 500_000
    with pytest.raises(ValueError, match=r"takes more than 0.3 s of processor time to decode"):
        await slow.decode(hostile, (32, 32))
    assert not slow._all
    assert (await quick.decode(noise(40, 30), (20, 20))).shape == (20, 20, 3)


async def test_a_busy_machine_is_not_the_pictures_fault(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is not let run uses no processor time. It is not told that its picture is bad, but to come again."""
    here = opened(most_s=0.3)
    await here.decode(noise(40, 30), (20, 20))
    (process,) = here._all
    process.send_signal(signal.SIGSTOP)
    waiting = asyncio.ensure_future(here.decode(noise(40, 30), (20, 20)))
    await asyncio.sleep(1.0)
    assert not waiting.done()
    process.send_signal(signal.SIGCONT)
    assert (await waiting).shape == (20, 20, 3)
    monkeypatch.setattr(decoder, "_PATIENCE_S", 0.1)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(Overloaded):
        await here.decode(noise(40, 30), (20, 20))
    assert not here._all


async def test_a_caller_that_leaves_ends_the_process(opened: Open) -> None:
    here = opened()
    left = asyncio.ensure_future(here.decode(of_many_scans(1000, 1000, 20_000), (32, 32)))
    while not here._all:
        await asyncio.sleep(0.01)
    (process,) = here._all
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    assert process.returncode == -9
    assert (await here.decode(noise(40, 30), (20, 20))).shape == (20, 20, 3)


async def test_a_process_that_dies_is_a_bad_picture(opened: Open) -> None:
    here = opened()
    asked: Any = asyncio.ensure_future(here.decode(of_many_scans(1000, 1000, 20_000), (32, 32)))
    while not here._all:
        await asyncio.sleep(0.01)
    next(iter(here._all)).kill()
    with pytest.raises(ValueError, match="cannot be decoded"):
        await asked


async def test_a_process_that_ended_while_idle_is_no_ones_fault(opened: Open) -> None:
    here = opened()
    await here.decode(noise(40, 30), (20, 20))
    (process,) = here._all
    process.kill()
    await process.wait()
    assert (await here.decode(noise(40, 30), (20, 20))).shape == (20, 20, 3)
    assert process not in here._all


async def test_the_files_that_wait_are_bounded(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise(40, 30)
    monkeypatch.setattr(decoder, "MOST_WAITING_BYTES", 2 * len(data))
    here = opened()
    two = asyncio.gather(here.decode(data, (20, 20)), here.decode(data, (20, 20)))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await here.decode(data, (20, 20))
    await two
    assert (await here.decode(data, (20, 20))).shape == (20, 20, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the bound is not kept")
async def test_memory_is_bounded(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes of black and white take four bytes a pixel in colour."""
    monkeypatch.setattr(decoder, "_BARE_MIB", 400)
    monkeypatch.setattr(decoder, "_BYTES_PER_PIXEL", 0)
    with pytest.raises(ValueError, match="MemoryError"):
        await opened(most_pixels=80_000_000).decode(saved(Image.new("1", (8900, 8900))), (32, 32))
