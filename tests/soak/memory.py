"""The memory of a server's process over time, and how fast it grows."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

WINDOW_S = 120.0  # in which a server surely gives back what ended work used, which takes it half a minute
LEAST_S = 900.0  # in less, what comes and goes hides a slope of a MiB a minute
EVERY_S = 1.0


@dataclass(frozen=True)
class Usage:
    """What a process has at one moment: resident memory, threads, open files."""

    at: float
    mib: float
    threads: int
    files: int

    @classmethod
    def of(cls, process: int) -> "Usage | None":
        """None: the process is gone, or this system does not tell."""
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
            files = len(list(Path(f"/proc/{process}/fd").iterdir()))
        except OSError:
            return None
        facts = dict(line.split(":", 1) for line in status)
        if "VmRSS" not in facts:  # it has ended, and nobody has asked for its status yet
            return None
        return cls(time.monotonic(), int(facts["VmRSS"].split()[0]) / 1024, int(facts["Threads"]), files)


@dataclass(eq=False)
class Watch:
    """Looks at a process from `begin` on until `end`."""

    process: int
    file: Path
    usages: list[Usage] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> "Watch":
        """Start to look."""
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def end(self) -> None:
        """Look no more, and write what was seen to `file`: seconds, MiB, threads, open files."""
        self._ended.set()
        self._thread.join()
        lines = [f"{usage.at - self.usages[0].at:.0f},{usage.mib:.1f},{usage.threads},{usage.files}" for usage in self.usages]
        self.file.write_text("\n".join(lines), encoding="ascii")

    def _look(self) -> None:
        while not self._ended.wait(EVERY_S):
            if (usage := Usage.of(self.process)) is not None:
                self.usages.append(usage)


@dataclass(frozen=True)
class Slope:
    """MiB a minute, over so many seconds."""

    mib_per_minute: float
    seconds: float

    @property
    def says_something(self) -> bool:
        """Whether it was long enough."""
        return self.seconds >= LEAST_S


def slope(usages: list[Usage]) -> Slope | None:
    """How fast memory grows once a server is warm: after a third of its life, by the least of each window, since work comes and goes.

    What is left at the end is too short to be a window: in it the server may have given nothing back. None: there are fewer than three.
    """
    if not usages:
        return None
    begin = usages[0].at + (usages[-1].at - usages[0].at) / 3
    end = begin + (usages[-1].at - begin) // WINDOW_S * WINDOW_S
    windows: dict[int, list[Usage]] = {}
    for usage in usages:
        if begin <= usage.at < end:
            windows.setdefault(int((usage.at - begin) / WINDOW_S), []).append(usage)
    least = [min(window, key=lambda usage: usage.mib) for window in windows.values()]
    if len(least) < 3:
        return None
    minutes = np.array([usage.at / 60 for usage in least])
    grows, _ = np.polyfit(minutes - minutes[0], [usage.mib for usage in least], 1)
    return Slope(float(grows), usages[-1].at - begin)
