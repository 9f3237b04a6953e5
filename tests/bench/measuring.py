"""What every figure is measured with: times as medians, and what machine and which code gave them."""

import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import dgnam_models
import torch
from dgnam_models import Generator, Network
from dgnam_models.precision import has_fast_bfloat16
from dgnam_server import catalog
from dgnam_server.catalog import Catalog

Figures = Mapping[str, float]  # by name; the end of a name is the unit: _ms_per_row_step, _s, _mib, _ratio ...


@dataclass(frozen=True)
class Bench:
    """What is measured, and how thoroughly.

    Attributes:
        packs: packs of models beside the bundled ones.
        prior: the generator that draws; its encoder's output units are the targets.
        judges: networks that tell how good the fast path's pictures are.
        sizes: concurrent requests.
        steps: per picture; `timed_steps`: per timing of the bare lane.
        arrivals: requests of each load of staggered arrivals, of `steps // 4` steps.
        watch_s: how long each mixture of requests is watched, and each attack.
        attacks: those that are made; empty: all.
        server_settings: for the servers that are started.
    """

    device: torch.device
    packs: tuple[Path, ...] = ()
    prior: str = "upconv64-fc6"
    judges: tuple[str, ...] = ("resnet64", "inception64")
    sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    repeats: int = 3
    steps: int = 200
    timed_steps: int = 10
    arrivals: int = 60
    watch_s: float = 5.0
    attacks: tuple[str, ...] = ()
    server_settings: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[str], object] = field(default=lambda doing: None)  # hears what is being done

    def models(self) -> Catalog:
        """The models as a server with these settings would load them."""
        precision = self.server_settings.get("precision", "auto")
        dtype = None if precision == "auto" else getattr(torch, precision)
        return catalog.load(self.packs, self.device, self.prior, dtype, only=self.server_settings.get("only"))

    def reference(self) -> Catalog:
        """The same models in plain float32, not prepared for speed."""
        models = self.models()
        plain = {name: dgnam_models.load(name, self.device, self.packs) for name in models.cards}
        networks = {name: model for name, model in plain.items() if isinstance(model, Network)}
        generators = {name: model for name, model in plain.items() if isinstance(model, Generator)}
        return Catalog(networks, generators, models.default_prior, torch.float32)

    def side_by_side(self, doing: str, *works: Callable[[], object]) -> list[list[float]]:
        """The times of each of `works`, run in turn `repeats` times: a machine's speed drifts over minutes, and their ratios should not."""
        self.progress(doing)
        rounds = [[self.once(work) for work in works] for _ in range(self.repeats)]
        return [list(times) for times in zip(*rounds, strict=True)]

    def seconds(self, doing: str, work: Callable[[], object]) -> float:
        """The median time of `work` over `repeats` runs, after one that does not count."""
        self.progress(doing)
        return statistics.median([self.once(work) for _ in range(self.repeats + 1)][1:])

    def best_seconds(self, work: Callable[[], object]) -> float:
        """The shortest time of `work`: what is possible, not what is usual."""
        return min([self.once(work) for _ in range(self.repeats + 1)][1:])

    def once(self, work: Callable[[], object]) -> float:
        """The time of one run of `work`."""
        self._settle()
        started = time.perf_counter()
        work()
        self._settle()
        return time.perf_counter() - started

    def _settle(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def record(bench: Bench, figures: Figures) -> dict[str, Any]:
    """Figures with the machine, the versions and the commit they belong to, for a JSON file."""
    # With "-dirty" where the tree differs from the commit: figures must not be credited to code that did not give them.
    describe = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    commit = subprocess.run(describe, capture_output=True, text=True, check=False, cwd=Path(__file__).parent).stdout.strip()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit or "unknown",
        "device": torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "precision": "bfloat16" if has_fast_bfloat16(bench.device) else "float32",
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "numpy", "grpcio")},
        "settings": {"repeats": bench.repeats, "steps": bench.steps, "prior": bench.prior},
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8", errors="replace").splitlines() if described.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
