"""The batch size that pays."""

from dgnam_server.engine.lane import profile


def test_profile_takes_the_smallest_size_that_is_nearly_the_fastest() -> None:
    assert profile(lambda size: max(size, 8) / 8, largest=64) == 8
    assert profile(lambda size: 1.0, largest=64) == 64
    assert profile(lambda size: 1.0, largest=48) == 32
    assert profile(float, largest=64) == 1


def test_one_slow_moment_does_not_decide() -> None:
    assert profile(lambda size: 10.0 if size == 4 else 1.0, largest=64) == 64
