"""How much memory there is."""

import os
from pathlib import Path

import pytest
from dgnam_server.machine import default_memory_mib, usable_bytes

GIB = 2**30
MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"}, GIB),
        (
            {
                "proc/self/cgroup": "0::/outer/inner\n",
                "sys/fs/cgroup/outer/memory.max": f"{GIB}\n",
                "sys/fs/cgroup/outer/inner/memory.max": "max\n",
            },
            GIB,
        ),
        ({"proc/self/cgroup": "5:cpu,memory:/a\n3:pids:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{GIB}\n"}, GIB),
        ({"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE),
    ],
)
def test_the_smallest_limit_counts(tmp_path: Path, files: dict[str, str], limit: int) -> None:
    write(tmp_path, files)
    assert usable_bytes(tmp_path) == limit


def test_half_of_it_is_for_requests_or_three_quarters_of_a_smaller_gpu(tmp_path: Path) -> None:
    write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{2 * GIB}\n"})
    assert default_memory_mib(root=tmp_path) == 1024
    assert default_memory_mib(GIB, root=tmp_path) == 768
    assert default_memory_mib(80 * GIB, root=tmp_path) == 1024
