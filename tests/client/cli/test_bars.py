"""Progress bars."""

from __future__ import annotations

import io
import re

import pytest
from dgnam_client import Progress, Queued, VariantProgress
from dgnam_client._cli.bars import Bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "100")


def moved(step: int) -> Progress:
    return Progress((VariantProgress(0, step, 4, 1.5),))


def test_a_bar_for_one_picture() -> None:
    terminal = Terminal()
    with Bars(["lemon"], terminal, quiet=False) as bars:
        bars(0, Queued(3))
        bars(0, moved(2))
        bars.finished(0, failed=False)
    shown = terminal.getvalue()
    assert "waits behind 3" in shown and "2/4 steps" in shown and "activation 1.5" in shown and "pictures" not in shown


def test_ninety_units_fit_into_a_terminal_of_24_rows() -> None:
    terminal = Terminal()
    with Bars([f"unit {number}" for number in range(90)], terminal, quiet=False) as bars:
        for index in range(90):
            bars(index, Queued(index))
        for index in range(90):
            bars(index, moved(2))
        assert len(bars._shown) == 12
        for index in range(45):
            bars.finished(index, failed=index == 3)
        assert bars.tally.counted() == "44 of 90 pictures, 1 failed"
        bars(60, moved(3))
        assert 60 in bars._shown, "what is finished makes room"
        bars.line("a picture", terminal)
    shown = terminal.getvalue()
    assert re.search(r"44 of 90 pictures, 1 failed .*about 0:0\d left", shown) and "a picture\n" in shown
    # The cursor goes down one line for each bar, and never further.
    assert max(len(run) for run in re.findall(r"\n+", shown)) <= 24 - 4


def test_no_bars_off_a_terminal_or_when_quiet() -> None:
    for file, quiet in ((Terminal(), True), (io.StringIO(), False)):
        with Bars(["lemon"], file, quiet=quiet) as bars:
            bars(0, moved(2))
            bars.finished(0, failed=False)
        assert file.getvalue() == ""
