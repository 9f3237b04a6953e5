"""Allowance: what a client's calls may take of a processor, on a clock of the test."""

import asyncio

import pytest
import skipped_time
from dgnam_server.engine.load import Overloaded
from dgnam_server.rpc.allowance import CALL_S, PATIENCE_S, REFUSED_S, SAVED_S, Allowances
from dgnam_server.rpc.errors import InvalidRequest, QueueFull, Unauthenticated


class Clock:
    """Time that passes when somebody sleeps, or says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.slept = 0.0, [0.0]
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def allowances(clock: Clock) -> Allowances:
    return Allowances(0.25, clock)


async def call(allowances: Allowances, client: str, cost_s: float = 0.0, *, waited_for: bool = True) -> None:
    async with allowances.call(client, waited_for=waited_for):
        allowances.charge(client, cost_s)


async def test_who_is_alone_never_waits(allowances: Allowances, clock: Clock) -> None:
    for _ in range(1000):
        await call(allowances, "one", 1.0)
    assert not any(clock.slept)


async def test_who_calls_without_a_pause_gets_its_share_and_no_more(allowances: Allowances, clock: Clock) -> None:
    """Sixty seconds of a client that sends what takes 20 ms to refuse, beside one that asks now and then."""
    async with allowances.call("other"):
        calls = 0
        while clock.now < 60:
            calls += 1
            await call(allowances, "loop", 0.02 - CALL_S)
        assert calls * 0.02 == pytest.approx(SAVED_S + 0.25 * 60, rel=0.02)
        slept = len(clock.slept)
        await call(allowances, "other")
        assert len(clock.slept) == slept, "the other one does not wait"


FULL = Overloaded(60.0, by_client=True)


async def refused(allowances: Allowances, client: str, error: Exception = FULL) -> None:
    with pytest.raises(type(error)):
        async with allowances.call(client):
            raise error


@pytest.mark.parametrize("error", [FULL, InvalidRequest([]), Unauthenticated("no token")])
async def test_who_is_refused_and_comes_again_at_once_is_answered_ever_later(
    allowances: Allowances, clock: Clock, error: Exception
) -> None:
    """Answered at once it came 125 times a second, which took the interpreter from those who drew."""
    async with allowances.call("other"):
        calls = 0
        while clock.now < 60:
            calls += 1
            await refused(allowances, "loop", error)
        assert calls * REFUSED_S == pytest.approx(SAVED_S + 0.25 * 60, rel=0.02)


async def test_refused_for_the_sake_of_others_or_served_again_it_is_a_call_like_any(allowances: Allowances, clock: Clock) -> None:
    async with allowances.call("other"):
        for _ in range(2 * int(SAVED_S / REFUSED_S)):
            await refused(allowances, "unlucky", Overloaded(60.0))
        assert not any(clock.slept)
        await refused(allowances, "mistaken")
        await call(allowances, "mistaken")
        await call(allowances, "mistaken")
        assert allowances._accounts["mistaken"].owed_s == pytest.approx(CALL_S + REFUSED_S + CALL_S)


async def test_a_burst_waits_for_nothing(allowances: Allowances, clock: Clock) -> None:
    async with allowances.call("other"):
        for _ in range(int(SAVED_S / CALL_S) - 1):
            await call(allowances, "burst")
        assert not any(clock.slept)


async def test_who_owes_too_much_is_refused_after_a_while_and_has_paid_soon_after(allowances: Allowances, clock: Clock) -> None:
    async with allowances.call("other"):
        await call(allowances, "loop", 1e6)
        with pytest.raises(QueueFull, match=r"client loop take more than 0\.25 of a processor") as caught:
            await call(allowances, "loop")
        assert clock.now == PATIENCE_S and caught.value.retry_after_s
        clock.now += PATIENCE_S + 2 * CALL_S / 0.25
        slept = len(clock.slept)
        await call(allowances, "loop")
        assert len(clock.slept) == slept


async def test_probes_and_who_has_gone_count_for_nobody(allowances: Allowances, clock: Clock) -> None:
    await call(allowances, "probe", waited_for=False)
    await call(allowances, "loop", 2.0)
    await call(allowances, "loop")
    assert not any(clock.slept), "beside probes it is alone"
    await call(allowances, "other")
    await call(allowances, "loop")
    assert any(clock.slept)
    clock.now += 60
    await call(allowances, "loop", 2.0)
    await call(allowances, "loop")
    assert len(clock.slept) == 2, "alone again"
    assert list(allowances._accounts) == ["loop"], "nothing is kept of who has gone and owes nothing"


async def test_one_lets_everybody(clock: Clock) -> None:
    allowances = Allowances(1.0, clock)
    async with allowances.call("other"):
        for _ in range(100):
            await call(allowances, "loop", 1.0)
    assert not any(clock.slept)


def test_200_callers_whose_queue_is_full_do_not_keep_the_server_busy() -> None:
    """Each calls again a hundredth of a second after it was refused."""

    async def answered_in_20_s() -> int:
        allowances, answered = Allowances(0.2, asyncio.get_running_loop().time), [0]

        async def caller() -> None:
            while True:
                with pytest.raises((Overloaded, QueueFull)):
                    async with allowances.call("loop"):
                        raise FULL
                answered[0] += 1
                await asyncio.sleep(0.01)

        async with allowances.call("other"):
            callers = [asyncio.create_task(caller()) for _ in range(200)]
            await asyncio.sleep(5)
            answered[0] = 0
            await asyncio.sleep(20)
            for one in callers:
                one.cancel()
        return answered[0]

    most = 20 * (0.2 / REFUSED_S + 200 / PATIENCE_S) * 1.2
    assert 0 < skipped_time.run(answered_in_20_s()) <= most, "what is paid for, and who has waited as long as they may"


def test_those_who_wait_are_let_in_one_after_another() -> None:
    """As many callers at once as one likes: together they get no more than one after another."""

    async def seconds_of_twenty() -> float:
        allowances = Allowances(0.1, asyncio.get_running_loop().time)
        async with allowances.call("other"):
            allowances.charge("loop", SAVED_S)
            started = asyncio.get_running_loop().time()
            await asyncio.gather(*(call(allowances, "loop") for _ in range(20)))
            return asyncio.get_running_loop().time() - started

    assert skipped_time.run(seconds_of_twenty()) == pytest.approx(20 * CALL_S / 0.1)
