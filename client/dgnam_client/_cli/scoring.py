"""A command as a neuron: paths of pictures in, scores out."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .._errors import InvalidRequestError

MISSING = "-"


class Command:
    """Runs a command with pictures' paths as its last arguments and reads a line of scores for each from what it prints.

    Args:
        text: The command and its first arguments, as a shell would split them.
        timeout: Seconds that it may take for the pictures of one generation.
    """

    def __init__(self, text: str, timeout: float | None) -> None:
        self._words, self._timeout = shlex.split(text), timeout
        if not self._words:
            raise InvalidRequestError("--score: the command is empty")

    def __call__(self, paths: Sequence[Path]) -> list[list[float] | None]:
        """Each picture's scores; None: the command printed `-`.

        Raises:
            InvalidRequestError: The command is not there, failed, took too long, or printed something else.
        """
        try:
            done = subprocess.run(
                [*self._words, *map(str, paths)], stdout=subprocess.PIPE, text=True, timeout=self._timeout, check=False, errors="replace"
            )
        except OSError as error:
            raise InvalidRequestError(f"--score: {self._words[0]} cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise InvalidRequestError(f"--score: {self._words[0]} took more than {self._timeout:g} s for {len(paths)} pictures") from None
        if done.returncode:
            raise InvalidRequestError(f"--score: {self._words[0]} failed with exit code {done.returncode}")
        return scores(done.stdout, paths, self._words[0])


def scores(text: str, paths: Sequence[Path], command: str) -> list[list[float] | None]:
    """The scores in a command's output.

    Raises:
        InvalidRequestError: There are more or fewer lines than pictures, or one holds something else than numbers.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != len(paths):
        raise InvalidRequestError(
            f"--score: {command} printed {len(lines)} lines for {len(paths)} pictures: print one for each, in their order, with its "
            f"score, or several with spaces between them, or {MISSING} where there is none"
        )
    found: list[list[float] | None] = []
    for path, line in zip(paths, lines, strict=True):
        try:
            found.append(None if line.strip() == MISSING else [float(word) for word in line.split()])
        except ValueError:
            raise InvalidRequestError(f"--score: {command} printed {line!r} for {path}, which are not numbers") from None
    return found
