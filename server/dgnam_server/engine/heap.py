"""What the process does with freed memory: it keeps it.

A step's tensors are freed and wanted again at the next step. By default glibc gives memory of their size back to the kernel at once, which
fills every page with zeros again when it is touched next: at a batch of 8, six thousand pages and a seventh of a step's time.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # mallopt(3)
_NEVER = -1


def keep_freed_memory() -> bool:
    """Let this process never give memory back, so that it stays at its peak. Call it before other threads begin.

    Returns:
        Whether it could be done: it needs glibc.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # One arena: those of threads live in pieces of 64 MiB, which go back to the kernel whatever the threshold.
    wanted = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER))
    done = [mallopt(option, value) == 1 for option, value in wanted]
    return all(done)
