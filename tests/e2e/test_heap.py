"""The heap of a server's process: one, all of which can be given back."""

from pathlib import Path
from typing import Any

import pytest

_HEAP = 2**26  # glibc lays each heap of a thread's arena out on as many bytes, and begins it at a multiple of them


def thread_heaps(maps: str) -> int:
    """How many heaps of threads' arenas a process has, by its /proc/PID/maps.

    What is used of one can be written and the rest not yet: two mappings, one after the other.
    """
    ends: dict[int, int] = {}
    for line in maps.splitlines():
        addresses, access, *_ = line.split()
        start, end = (int(address, 16) for address in addresses.split("-"))
        if access in ("rw-p", "---p"):
            ends[start] = end
    return sum(start % _HEAP == 0 and start + _HEAP in (end, ends.get(end)) for start, end in ends.items())


def test_heaps_of_threads_are_seen() -> None:
    maps = "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n7f0000021000-7f0004000000 ---p 00000000 00:00 0 \n"
    other = "7f0004000000-7f0004021000 rw-p 00000000 00:00 0 \n7f0004100000-7f0004200000 ---p 00000000 00:00 0 \n"
    assert thread_heaps(maps) == 1 and thread_heaps(other) == 0


def test_all_threads_of_a_server_share_one_heap(server: Any) -> None:
    """The end of another thread's heap is never given back: each of eight kept up to 64 MiB of what its largest pictures had taken."""
    maps = Path(f"/proc/{server.process.pid}/maps")
    if not maps.exists():
        pytest.skip("needs Linux's /proc")
    with server.client() as client:
        client.synthesize_pixels("tiny:fc8:lemon", size=128, steps=1, variants=8)
    assert thread_heaps(maps.read_text()) == 0
