"""How many replicas there should be."""

from dgnam_server.cluster.scale import Scale


def test_it_grows_at_once_and_shrinks_late() -> None:
    scale = Scale(least=1, most=4, jobs=10)
    assert scale.wanted(1, 10, 0) == 1
    assert scale.wanted(1, 11, 1) == 2
    assert scale.wanted(2, 1000, 2) == 4, "no more than the most"
    assert scale.wanted(4, 0, 3) == 4
    assert scale.wanted(4, 15, 250) == 4
    assert scale.wanted(4, 0, 303) == 2, "what was needed within five minutes"
    assert scale.wanted(2, 0, 560) == 2
    assert scale.wanted(2, 0, 604) == 1


def test_a_fixed_number_stays() -> None:
    scale = Scale(least=2, most=2, jobs=10)
    assert {scale.wanted(2, jobs, now) for jobs, now in ((0, 0), (500, 1), (0, 1000))} == {2}
