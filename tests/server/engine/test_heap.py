"""Freed memory stays with the process."""

import subprocess
import sys

import pytest

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
