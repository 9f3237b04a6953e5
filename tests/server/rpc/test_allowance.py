"""Allowance: what a client's calls may take of a processor, on a clock of the test."""

import asyncio

import pytest
from dgnam_server.rpc.allowance import CALL_S, PATIENCE_S, SAVED_S, Allowances
from dgnam_server.rpc.errors import QueueFull


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


async def test_those_who_wait_are_let_in_one_after_another() -> None:
    """As many callers at once as one likes: together they get no more than one after another."""
    allowances = Allowances(0.1)
    async with allowances.call("other"):
        allowances.charge("loop", SAVED_S)
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(call(allowances, "loop") for _ in range(20)))
        assert asyncio.get_running_loop().time() - started >= 20 * CALL_S / 0.1 * 0.95
