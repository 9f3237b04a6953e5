"""A soak of seconds; and that a soak finds what it is made to find."""

from pathlib import Path

import journal
import pytest
import report
import soak
from calls import KINDS, chosen
from journal import Call, Journal, Outage
from memory import Usage, slope


@pytest.mark.timeout(600)
def test_a_short_soak(tmp_path: Path) -> None:
    found = soak.run(soak.Plan(seconds=12, clients=2, client_kills=1, server_kills=1), tmp_path)
    assert not found.problems, found.problems
    assert found.killed == 1 and found.ends == {"killed": 1}
    assert sum(call.code in KINDS[call.kind].right for call in found.calls) >= 3
    assert any("servers killed" in line for line in report.lines(found))


def test_every_kind_of_call_has_its_turn() -> None:
    import random

    chance = random.Random(0)
    assert {chosen(chance) for _ in range(1000)} == set(KINDS)


def test_what_is_lost_or_wrong_is_found(tmp_path: Path) -> None:
    calls = [
        Call("a", 0, "synthesize", 0.0, 1.0, "OK"),
        Call("a", 1, "unknown", 1.0, 2.0, "OK"),
        Call("a", 2, "synthesize", 10.0, 12.0, "UNAVAILABLE"),
        Call("a", 3, "synthesize", 40.0, 41.0, "UNAVAILABLE"),
        Call("a", 4, "synthesize", 42.0, 43.0, "RESOURCE_EXHAUSTED"),
        Call("a", 5, "synthesize", 44.0),
        Call("b", 0, "synthesize", 44.0),
    ]
    found = journal.wrong(calls, [Outage(11.0, 15.0)], killed=["b"])
    assert [text.split(",")[:2] for text in found] == [
        ["wrong code: unknown", " call 1 of a"],
        ["wrong code: synthesize", " call 3 of a"],
        ["lost: synthesize", " call 5 of a"],
    ]


def test_a_journal_is_read_as_far_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "client-1.jsonl"
    written = Journal(path)
    written.began(0, "load")
    written.ended(0, "OK")
    written.began(1, "draw")
    written.close()
    with path.open("a") as file:
        file.write('{"number": 1, "co')
    first, second = journal.read([path])
    assert (first.client, first.kind, first.code, second.kind, second.code) == ("client-1", "load", "OK", "draw", None)
    assert first.end is not None and first.end >= first.start


def usages(grows: float, seconds: int) -> list[Usage]:
    """Of a server that is busy every other ten seconds."""
    return [Usage(float(at), 300 + grows * at / 60 + 80 * (at // 10 % 2), 9, 9) for at in range(seconds)]


def test_growing_memory_is_found() -> None:
    found = slope(usages(3.0, 1800))
    assert found is not None and found.mib_per_minute == pytest.approx(3.0, abs=0.3) and found.says_something
    assert report.leaks(usages(3.0, 1800)) == ["leak: memory grows by 3.00 MiB a minute"]
    assert not report.leaks(usages(0.2, 1800)) and not report.leaks(usages(3.0, 600)), "too short to judge by"
    assert report.leaks(usages(80.0, 300)) == ["leak: memory grew by 479 MiB, with max_memory_mib set to 256"]


def test_work_at_the_end_is_no_growth() -> None:
    """The last third of a minute is no window: nothing may have been given back in it."""
    busy = [Usage(1799.0 + at, 600.0, 9, 9) for at in range(30)]
    found = slope([*usages(0.0, 1799), *busy])
    assert found is not None and abs(found.mib_per_minute) < 0.01


def test_servers_are_ended_in_the_first_half() -> None:
    faults = soak.Plan(seconds=100, clients=1, client_kills=30, server_kills=4).faults()
    servers = [when for when, what in faults if what == "server"]
    assert len(servers) == 4 and len(faults) == 34 and max(servers) < 50 and faults == sorted(faults)
