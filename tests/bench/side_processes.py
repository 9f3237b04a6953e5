"""Programs that run beside a server: started, watched, killed."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

READY_S = 300.0  # in which a program must be ready, on a busy machine too
LEAST_PART = 0.02  # of a processor: less is not worth a process that takes as much
_HERE = Path(__file__).parent


@contextmanager
def beside(program: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program of this folder, from when it is ready. It says so with a line, and begins when it is sent one."""
    command = [sys.executable, str(_HERE / program), *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    late = Timer(READY_S, process.kill)
    late.start()
    try:
        assert process.stdout.readline(), f"{program} {arguments} did not begin"
        process.stdin.write(b"\n")
        process.stdin.flush()
        yield process
    finally:
        late.cancel()
        process.kill()
        process.communicate()


@contextmanager
def burning(part: float, copied_mib: int = 0) -> Iterator[None]:
    """Processes take this part of a processor together; of several, where it is more than one. They copy so much memory, if any."""
    count = math.ceil(part) if part >= LEAST_PART else 0
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(beside("burner.py", part / count, copied_mib))
        yield


def processor_s(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time that a process has taken; 0 where the system does not tell, or it has ended."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """The memory that a process and its children hold now; 0 where the system does not tell."""
    total = 0
    for one in [pid, *_children(pid)]:
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
    return total / 1024


def _children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
