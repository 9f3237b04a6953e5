from __future__ import annotations

from dgnam_client._tally import Tally


def test_how_far_and_how_long() -> None:
    now = [100.0]
    tally = Tally(4, lambda: now[0])
    assert tally.counted() == "0 of 4 pictures" and tally.remaining() == ""
    tally.moved(0, 0.0)
    now[0] += 60
    tally.moved(0, 0.5)
    tally.moved(1, 0.5)
    assert tally.fraction == 0.25 and tally.remaining() == "about 3:00 left"
    tally.finished(0)
    tally.finished(1, failed=True)
    assert tally.counted() == "1 of 4 pictures, 1 failed" and tally.fraction == 0.5
    assert tally.remaining() == "about 2:00 left", "what failed took no time worth counting"
    now[0] += 3600 * 4
    assert tally.remaining() == "about 8:02:00 left"
    tally.finished(2)
    tally.finished(3)
    assert tally.fraction == 1 and tally.remaining() == ""
