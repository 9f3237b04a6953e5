"""The clients of a soak: processes that are killed, and followed by others."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_AWAKE_S = 300.0  # that a client may take until it has its first answer
_LAST_CALL_S = 400.0  # and for the call that it is in when it is told to stop
_HERE = Path(__file__).parent


@dataclass(eq=False)
class Crowd:
    """The clients, each a process; one that is killed is followed by another."""

    folder: Path
    address: str
    seed: int
    killed: list[str] = field(default_factory=list)
    stopped: int = 0
    _there: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _count: int = 0

    @property
    def journals(self) -> list[Path]:
        """What all of them wrote."""
        return sorted(self.folder.glob("client-*.jsonl"))

    def add(self) -> None:
        """One more."""
        self._count += 1
        name = f"client-{self._count}"
        path, stop = self.folder / f"{name}.jsonl", self.folder / "stop"
        path.touch()
        command = [sys.executable, str(_HERE / "client.py"), self.address, str(path), f"{self.seed}-{name}", str(stop)]
        with (self.folder / f"{name}.log").open("wb") as log:
            self._there[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def awake(self) -> list[str]:
        """Wait until each of them has been answered once; returns what is wrong."""
        deadline = time.monotonic() + _AWAKE_S
        for name, process in self._there.items():
            while '"code"' not in (self.folder / f"{name}.jsonl").read_text(encoding="utf-8"):
                if process.poll() is not None or time.monotonic() > deadline:
                    return [f"{name} has had no answer: {(self.folder / f'{name}.log').read_text()[-1000:]}"]
                time.sleep(0.1)
        return []

    def kill(self, chance: random.Random, stop_s: float) -> None:
        """Kill one, or first leave it standing for `stop_s`, so that it neither reads nor answers."""
        name = chance.choice(list(self._there))
        process = self._there.pop(name)
        if stop_s:
            process.send_signal(signal.SIGSTOP)
            self.stopped += 1
            time.sleep(stop_s)
        process.kill()
        process.wait()
        self.killed.append(name)
        self.add()

    def finish(self) -> list[str]:
        """Have all of them end after the call that they are in; returns what is wrong."""
        (self.folder / "stop").touch()
        deadline, problems = time.monotonic() + _LAST_CALL_S, []
        for name, process in self._there.items():
            try:
                status = process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                problems.append(f"{name} did not come to its end")
                continue
            if status:
                problems.append(f"{name} broke: {(self.folder / f'{name}.log').read_text()[-1000:]}")
        self._there.clear()
        return problems

    def end(self) -> None:
        """Whatever happened, none stays."""
        for process in self._there.values():
            process.kill()
            process.wait()
