"""The port file: it holds the port while the process serves, and goes with the process, however that ends.

A process that is killed removes nothing itself. So another one waits for the end of a pipe, which comes when the server's process is gone,
and then removes the file, unless another server has written its own since.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KEEPER = """
import os, sys
path, written = sys.argv[1], sys.argv[2]
sys.stdin.buffer.read()
try:
    there = os.stat(path)
    if f"{there.st_ino} {there.st_mtime_ns}" == written:
        os.remove(path)
except FileNotFoundError:
    pass
"""


@contextmanager
def written(path: Path | None, port: int) -> Iterator[None]:
    """For the length of the block the file at `path` holds the port; None: there is no such file."""
    if path is None:
        yield
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    mine = draft.stat()
    # -I and -S: it needs nothing, and starts at once. A session of its own: Ctrl-C in a terminal is not for it.
    command = [sys.executable, "-I", "-S", "-c", _KEEPER, str(path.absolute()), f"{mine.st_ino} {mine.st_mtime_ns}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as keeper:
        try:
            draft.replace(path)  # whoever waits for it never sees half of it
            yield
        finally:
            assert keeper.stdin is not None
            keeper.stdin.close()
            keeper.wait()


def remove(path: Path | None) -> None:
    """Remove the file: at the start, because nobody may take an earlier server's port for ours; and at an end without delay."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
