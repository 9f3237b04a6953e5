"""The batch size that pays."""

from dgnam_server.engine.lane import profile


def test_profile_doubles_while_it_pays() -> None:
    assert profile(lambda size: 1.0 if size <= 8 else size / 8, largest=64) == 8
    assert profile(lambda size: 1.0, largest=64) == 64
    assert profile(lambda size: 1.0, largest=48) == 32
    assert profile(float, largest=64) == 1
