"""How much memory this process may use: that of the machine, or of its control group where that is less (containers, systemd)."""

import os
from collections.abc import Iterator
from pathlib import Path

_SHARE = 2  # half: models, the heap's own losses and the operating system need the rest
_DEVICE_SHARE = 0.75  # of what is free on a GPU once the models are there
_ROOT = Path("/")


def default_memory_mib(device_free_bytes: int | None = None, root: Path = _ROOT) -> int:
    """What requests, rows and results may take if nobody says: half of what the machine or its control group has.

    Args:
        device_free_bytes: of a GPU that rows live on; three quarters of it are another limit.
        root: where /proc and /sys are.
    """
    limits = [usable_bytes(root) // _SHARE]
    if device_free_bytes is not None:
        limits.append(int(device_free_bytes * _DEVICE_SHARE))
    return max(64, min(limits) // 2**20)


def usable_bytes(root: Path = _ROOT) -> int:
    """The machine's memory, or the smallest limit of the control groups that this process is in."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_group_limits(root)])


def _group_limits(root: Path) -> Iterator[int]:
    """The limits of the group and of those around it; one without a limit says "max", or in version 1 a number beyond any machine."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        mount, name = ("memory/", "memory.limit_in_bytes") if controllers else ("", "memory.max")
        group = Path(path.lstrip("/"))
        for folder in (group, *group.parents):
            for limit in _lines(root / "sys/fs/cgroup" / mount / folder / name):
                if limit.isdigit():
                    yield int(limit)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
