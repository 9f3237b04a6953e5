"""What the process does with freed memory: it keeps it for the next step, and gives it back some time after a job has ended.

A step's tensors are freed and wanted again at the next step. By default glibc gives memory of their size back to the kernel at once, which
fills every page with zeros again when it is touched next: at a batch of 8, six thousand pages and a seventh of a step's time.
"""

import ctypes
import gc
import sys
import time
from dataclasses import dataclass

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # mallopt(3)
_NEVER = -1


def keep_freed_memory() -> bool:
    """Let this process give no memory back by itself; `Returns` does.

    To be called before other threads begin: each that has allocated something keeps a heap of its own from then on.

    Returns:
        Whether it could be done: it needs glibc.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # One arena: those of threads live in pieces of 64 MiB, which go back to the kernel whatever the threshold, and whose free ends
    # `give_back` cannot return.
    wanted = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER))
    done = [mallopt(option, value) == 1 for option, value in wanted]
    return all(done)


def give_back() -> None:
    """Return what is free to the kernel, and to the GPU's driver.

    Objects that refer to each other are free only once Python has looked for such garbage. It does so by their number, not by their size:
    a few thousand that are left of calls may hold a hundred MiB of pictures.
    """
    gc.collect()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
    torch = sys.modules.get("torch")  # not imported here: it takes seconds, and `keep_freed_memory` must come before all threads
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


@dataclass
class Returns:
    """Says when to give memory back: `AFTER_S` after something was freed, once for all that is freed until then."""

    AFTER_S = 30.0
    due: float | None = None  # in `time.monotonic` seconds

    def freed(self) -> None:
        """Something that may be large is no longer needed."""
        if self.due is None:
            self.due = time.monotonic() + self.AFTER_S

    def wait_s(self) -> float | None:
        """Seconds until `run` has something to do; None: nothing to be done."""
        return None if self.due is None else max(0.0, self.due - time.monotonic())

    def run(self) -> None:
        """Give back what is due."""
        if self.due is not None and time.monotonic() >= self.due:
            self.due = None
            give_back()
