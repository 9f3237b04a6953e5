"""What does not fit into memory runs in halves."""

import subprocess
import sys

import pytest
import torch
from dgnam_server.engine.pieces import Pieces


class Device:
    """Has room for so many rows; notes every piece that it is asked to run."""

    def __init__(self, room: int, error: type[RuntimeError] = torch.OutOfMemoryError, message: str = "pretend") -> None:
        self.room, self.error, self.message = room, error, message
        self.asked: list[int] = []

    def step(self, piece: range) -> list[int]:
        self.asked.append(len(piece))
        if len(piece) > self.room:
            raise self.error(self.message)
        return list(piece)


def test_all_rows_run_in_order_and_the_size_is_remembered() -> None:
    device, pieces = Device(room=3), Pieces()
    assert pieces.run(9, device.step) == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]
    assert device.asked == [9, 4, 2, 2, 2, 2, 1]
    assert pieces.run(3, device.step) == [[0, 1], [2]]


def test_what_fits_runs_at_once() -> None:
    assert Pieces().run(5, Device(room=5).step) == [[0, 1, 2, 3, 4]]


def test_the_hosts_allocator_is_understood() -> None:
    device = Device(1, RuntimeError, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes")
    assert Pieces().run(2, device.step) == [[0], [1]]


@pytest.mark.parametrize(("room", "error"), [(0, torch.OutOfMemoryError), (1, RuntimeError)])
def test_a_single_row_that_does_not_fit_and_other_errors_are_raised(room: int, error: type[RuntimeError]) -> None:
    with pytest.raises(error, match="pretend"):
        Pieces().run(2, Device(room, error).step)


REAL = """
import resource
import torch
from dgnam_server.engine.pieces import Pieces

torch.set_num_threads(1)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 300 * 2**20,) * 2)
asked = []

def step(piece):
    asked.append(len(piece))
    return torch.ones(len(piece), 2**24).sum(1).tolist()  # 64 MiB a row

print(asked, sum(Pieces().run(8, step), []) == [2.0**24] * 8, sep=";")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_a_processor_that_really_runs_out_of_memory() -> None:
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked, right = done.stdout.strip().split(";")
    assert asked.startswith("[8, 4,") and right == "True"
