"""Progress bars."""

from __future__ import annotations

import io
from typing import Any

from dgnam_client import Progress, Queued, VariantProgress
from dgnam_client._cli.bars import Bars
from dgnam_client._wire import results
from dgnam_proto.v1 import target_pb2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_for_each_picture() -> None:
    terminal = Terminal()
    with Bars(["lemon", "cat"], 2, terminal, quiet=False) as bars:
        assert len(bars._bars) == 4
        bars(0, Queued(3))
        bars(1, Progress((VariantProgress(1, 2, 4, 1.5),)))
        bars(1, Progress((VariantProgress(7, 2, 4, 1.5),)))  # of a variant that nobody asked for
    shown = terminal.getvalue()
    assert "waits behind 3" in shown and "2/4 steps" in shown and "1.5" in shown


def test_what_a_finished_pictures_number_is(result_message: Any) -> None:
    terminal, message = Terminal(), result_message()
    message.term_readouts[:] = [target_pb2.READOUT_LOG_PROBABILITY]
    with Bars(["lemon"], 1, terminal, quiet=False) as bars:
        bars(0, results.result(message))
    assert "log-probability 12.5" in terminal.getvalue()


def test_no_bars_off_a_terminal_or_when_quiet() -> None:
    for file, quiet in ((Terminal(), True), (io.StringIO(), False)):
        with Bars(["lemon"], 1, file, quiet=quiet) as bars:
            bars(0, Progress((VariantProgress(0, 2, 4, 1.5),)))
        assert file.getvalue() == ""
