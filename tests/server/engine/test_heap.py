"""Freed memory stays with the process for the next step, and goes back some time after a job."""

import subprocess
import sys

import pytest
from dgnam_server.engine import heap

PROGRAM = """
import resource, threading
from dgnam_server.engine.heap import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        [b"x" * 2**24 for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def measured():
    faults()
    print(faults())

if {keep}:
    assert keep_freed_memory()
thread = threading.Thread(target=measured)
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_thread_gets_the_same_memory_again_without_touching_new_pages() -> None:
    def faults(keep: bool) -> int:
        program = PROGRAM.replace("{keep}", str(keep))
        return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)

    assert faults(keep=True) < 100
    assert faults(keep=False) > 1000, "the test does not see what it is about"


RETURNED = """
from pathlib import Path
from dgnam_server.engine.heap import give_back, keep_freed_memory

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

assert keep_freed_memory()
pieces = [bytearray(2**16) for _ in range(3200)]
full = resident_mib()
last = pieces.pop()  # the heap's top stays in use
del pieces
kept = resident_mib()
give_back()
print(full - kept, full - resident_mib())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_was_kept_is_given_back_when_asked_for() -> None:
    printed = subprocess.run([sys.executable, "-c", RETURNED], capture_output=True, text=True, check=True).stdout
    by_itself, at_last = map(float, printed.split())
    assert by_itself < 20
    assert at_last > 150, "of 200 MiB"


GARBAGE = """
import gc
from pathlib import Path
from dgnam_server.engine.heap import give_back, keep_freed_memory

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

class Call:
    def __init__(self):
        self.me, self.picture = self, bytearray(2**20)

assert keep_freed_memory()
calls = [Call() for _ in range(200)]
gc.collect()  # they have lived for long
del calls
full = resident_mib()
give_back()
print(full - resident_mib())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_only_garbage_holds_is_given_back() -> None:
    """Two hundred objects are too few for Python to look for garbage among them, whatever they hold."""
    given = float(subprocess.run([sys.executable, "-c", GARBAGE], capture_output=True, text=True, check=True).stdout)
    assert given > 150, "of 200 MiB"


def test_it_is_given_back_some_time_after_jobs_have_ended_and_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = [100.0], []
    monkeypatch.setattr(heap.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(heap, "give_back", lambda: given.append(now[0]))
    returns = heap.Returns()
    assert returns.wait_s() is None
    returns.freed()
    now[0] = 120.0
    returns.freed()
    returns.run()
    assert (given, returns.wait_s()) == ([], 10.0)
    now[0] = 131.0
    returns.run()
    returns.run()
    assert given == [131.0]
    assert returns.wait_s() is None
    assert heap.Returns.AFTER_S < 60
