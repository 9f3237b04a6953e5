"""Which kind of problem wins, and how a caller's own text is repeated."""

import pytest
from dgnam_server.errors import FailedPrecondition, InvalidRequest, NotFound
from dgnam_server.rpc.problems import Problems, listed, nearest, quoted


def test_the_gravest_kind_wins_and_tells_the_others() -> None:
    problems = Problems()
    problems.raise_any()
    problems.unmet("c", "SIZE", "too small")
    with pytest.raises(FailedPrecondition, match="too small"):
        problems.raise_any()
    problems.missing("b", "tap", "x", "no x")
    with pytest.raises(NotFound, match="no x"):
        problems.raise_any()
    problems.invalid("a", "bad")
    with pytest.raises(InvalidRequest) as caught:
        problems.raise_any()
    assert [violation.field for violation in caught.value.violations] == ["a", "b", "c"]


def test_names_in_messages() -> None:
    assert quoted("a\nb") == "'a\\nb'"
    assert len(quoted("x" * 10_000)) < 80
    assert nearest("FC8", ["fc8", "conv1"]) == "did you mean fc8?"
    assert nearest("zzz", ["fc8", "conv1"]) == "there are fc8, conv1"
    assert listed([str(i) for i in range(20)], 3) == "0, 1, 2 and 17 more"
