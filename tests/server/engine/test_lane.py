"""The batch size that pays."""

from dgnam_server.engine.lane import profile


def test_profile_goes_on_for_as_long_as_every_doubling_pays() -> None:
    assert profile(lambda size: max(size, 8) / 8, largest=64) == 8
    assert profile(lambda size: 1.0, largest=64) == 64
    assert profile(lambda size: 1.0, largest=48) == 32
    assert profile(float, largest=64) == 1
    assert profile(lambda size: 10.0 if size == 4 else 1.0, largest=64) == 2, "from 2 to 4 throughput would fall"


def test_one_slow_moment_does_not_decide() -> None:
    for slow in range(7):
        timed: list[int] = []

        def step(size: int, timed: list[int] = timed, slow: int = slow) -> float:
            timed.append(size)
            return 10.0 if len(timed) == slow + 1 else 1.0

        assert profile(step, largest=64) == 64, f"slow at timing {slow}"
