"""A command as a neuron: what it gets, what it may print, and what is said when it prints something else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from dgnam_client import InvalidRequestError
from dgnam_client._cli.scoring import Command

PATHS = [Path("a.png"), Path("b c.png"), Path("d.png")]


def command(code: str, timeout: float | None = None) -> Command:
    Path("score.py").write_text(f"import sys, time\npaths = sys.argv[2:]\n{code}\n")
    return Command(f"'{sys.executable}' score.py --first", timeout)


def test_paths_in_scores_out() -> None:
    assert command("for path in paths: print(len(path))")(PATHS) == [[5.0], [7.0], [5.0]]
    assert command("print('1 2.5 -3e2\\n\\n  -  \\nnan')")(PATHS)[:2] == [[1.0, 2.5, -300.0], None]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("print(1); print(2)", "printed 2 lines for 3 pictures: print one for each, in their order"),
        ("print('1\\n2\\nhigh')", "printed 'high' for d.png, which are not numbers"),
        ("sys.exit(3)", "failed with exit code 3"),
        ("time.sleep(60)", "took more than 0.5 s for 3 pictures"),
    ],
)
def test_what_is_wrong(code: str, says: str) -> None:
    with pytest.raises(InvalidRequestError, match="--score: ") as caught:
        command(code, 0.5 if "sleep" in code else None)(PATHS)
    assert says in str(caught.value)


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(InvalidRequestError, match="no-such-program cannot be run: No such file"):
        Command("./no-such-program", None)(PATHS)
    with pytest.raises(InvalidRequestError, match="--score: the command is empty"):
        Command(" ", None)
