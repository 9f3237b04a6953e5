"""How fast synthesis is, measured side by side in one run: the published procedure as a notebook user writes it, our lane, our service.

    python tests/bench/bench.py [--device cuda] [--repeats 3]

Prints a table and writes a JSON file with machine, versions and commit into tests/bench/history/. Wants a quiet machine.
"""

import argparse
import json
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dgnam_models
import torch
from dgnam_client import Client, Result, local_server
from dgnam_models import Generator, Network
from dgnam_server import catalog
from dgnam_server.catalog import Catalog
from dgnam_server.engine.lane import Lane
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop
from tqdm import tqdm

SIZES = (1, 2, 4, 8, 16, 32, 64)
STEPS = 10  # per timing
HISTORY = Path(__file__).parent / "history"


def median_seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """The median time of `work` over `repeats` runs after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def published(models: Catalog, device: torch.device, careful: bool) -> Callable[[], None]:
    """STEPS steps of one row in plain eager float32; `careful`: weights frozen and channels-last, else as they come."""
    prior = dgnam_models.load(models.default_prior, device)
    assert isinstance(prior, Generator)
    assert prior.card.code is not None
    network = dgnam_models.load(prior.card.code.encoder, device)
    assert isinstance(network, Network)
    if not careful:
        for model in (prior, network):
            model.requires_grad_(True)
            model.to(memory_format=torch.contiguous_format)
    bound = prior.code_mean + 3 * prior.code_std

    def work() -> None:
        code = torch.randn(1, prior.code_size, device=device)
        for i in range(STEPS):
            code = code.detach().requires_grad_()
            activation = network.logits(prior(code))[0, i]
            activation.backward()
            assert code.grad is not None
            code = (code.detach() + 0.1 * code.grad / code.grad.abs().mean()).clamp(min=0).minimum(bound) * 0.99
            activation.item()  # a notebook prints it

    return work


def lane_steps(models: Catalog, size: int) -> Callable[[], None]:
    """STEPS steps of a lane with `size` different rows."""
    prior = models.generators[models.default_prior]
    assert prior.card.code is not None
    network = models.networks[prior.card.code.encoder]
    settings = {"steps": 10**4, "start_learning_rate": 0.2, "end_learning_rate": 1e-10, "decay": 0.01, "bound_multiplier": 3.0}
    taps = ((network.name, network.card.output_tap),)
    lane = Lane(Problem(GeneratorPrior(prior), (network,), taps, Balance.NONE, DGN_AM.structure(settings), centre_crop))
    for row in range(size):
        terms = (Term(Unit(network.name, network.card.output_tap, row % len(network.card.labels))),)
        lane.join(row, SynthesisSpec(terms, Balance.NONE, prior.name, "dgn-am", settings, row), 0, None)

    def work() -> None:
        for _ in range(STEPS):
            lane.step(look=False)

    return work


def through_grpc(address: str, labels: list[str], count: int, steps: int) -> float:
    """Seconds for `count` different requests at once, with the real client."""
    with Client(address) as client:
        started = time.perf_counter()
        results = client.synthesize_many([f"alexnet64:fc8:{label}" for label in labels[:count]], steps=steps, concurrency=count)
        seconds = time.perf_counter() - started
    assert all(isinstance(result, Result) for result in results)
    return seconds


def service_figures(device: torch.device, labels: list[str], repeats: int, steps: int = 50) -> dict[str, float]:
    """Start-up time to SERVING, and row-steps per second of 1 and of 32 requests at once through gRPC."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, local_server(Path(folder), "--device", device.type) as server:
        figures = {"start_s": time.perf_counter() - started}
        for count in (1, 32):
            through_grpc(server.address, labels, count, steps)
            seconds = statistics.median(through_grpc(server.address, labels, count, steps) for _ in range(repeats))
            figures[f"grpc_ms_per_row_step_{count}"] = 1000 * seconds / count / steps
    return figures


def measure(device: torch.device, repeats: int) -> dict[str, float]:
    """Milliseconds per row and step, each the median of `repeats`."""
    models = catalog.load([], device)
    figures = {}
    for name, careful in (("naive", False), ("careful", True)):
        figures[f"{name}_ms_per_row_step"] = 1000 * median_seconds(published(models, device, careful), repeats, device) / STEPS
    for size in tqdm(SIZES, "lane"):
        figures[f"lane_ms_per_row_step_{size}"] = 1000 * median_seconds(lane_steps(models, size), repeats, device) / STEPS / size
    labels = list(models.networks["alexnet64"].card.labels)
    return figures | service_figures(device, labels, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device = torch.device(options.device)
    figures = measure(device, options.repeats)
    naive = figures["naive_ms_per_row_step"]
    print(f"{'ms per row and step':<32}{'':>10}{'times naive':>14}")
    for name, value in figures.items():
        ratio = f"{naive / value:.1f}" if "row_step" in name else ""
        print(f"{name:<32}{value:>10.2f}{ratio:>14}")
    # With "-dirty" where the tree differs from the commit: figures must not be credited to code that did not give them.
    describe = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    commit = subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }
    HISTORY.mkdir(exist_ok=True)
    path = HISTORY / f"{record['date'][:19].replace(':', '')}-{commit or 'unknown'}-{device.type}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
