"""How fast synthesis is, measured side by side in one run on one machine.

    make bench                                              everything, about twenty minutes; wants a quiet machine
    make bench ARGS="--only step"                           one part
    make bench ARGS="--device cuda --repeats 5"             on a GPU, more thoroughly

Parts:
    step      milliseconds per row and step: the published procedure in plain float32 (naive), the same with frozen weights and
              channels-last (careful), our lane at 1 ... 64 rows, and the multiplications alone (limit)
    service   a server process and the real client: start-up until the port answers, until it serves and until a picture is there; import;
              throughput of 1 ... 64 requests at once, a lone request's latency
    arrivals  requests that arrive at random at 30, 60 and 90 % of the capacity, against batching that waits for a batch to finish
    jobs      pictures per second of a job, of as many requests at once, and of the bare lane; what the store costs for a picture
    cluster   two replicas against one, and one behind a front against a plain server, where Ray is installed
    gallery   seconds until pages of the gallery are painted, with 10,000 pictures on its shelf; by Chromium, where Playwright is installed
    mixed     several taps, networks and methods at once: how fairly they share, and what throughput that costs
    inside    where a step's time goes; memory per row and at the peak
    quality   the pictures of the path that serves against float32's: activations, and how many the judges name right
    networks  EfficientNet-Lite0, and where torchvision is installed ResNet-50, VGG-16 and ViT-B/16, at 224 pixels: a notebook's loop,
              torch-lucent where it is installed, and our lane of 1, 4 and 16 rows, for dgn-am, lucid and pyramid; of EfficientNet-Lite0
              also what client, gRPC and engine cost
    peers     torch-lucent's step in pixel space against ours, where torch-lucent is installed
    attacks   what a hostile client costs another one: the time of its pictures times that on a quiet server, and the server's memory;
              beside it what processes cost that take as much processor time and send nothing; about five minutes
    photographs  occlusion and indexing against plain loops, and projections against Captum's, where it is installed

Every figure is a median. "times naive" and "times careful" say how many times faster than that; "of limit" is the part of the time that the
multiplications alone would take. A JSON file with machine, versions and commit is written into tests/bench/history/.
"""

import argparse
import json
from collections.abc import Callable, Collection
from pathlib import Path

import analysis_figures
import attack_figures
import cluster_figures
import gallery_figures
import job_figures
import load_figures
import network_figures
import peer_figures
import quality_figures
import service_figures
import step_figures
import torch
from attacks import ATTACKS
from dgnam_server.engine.heap import keep_freed_memory
from measuring import Bench, Figures, record
from tqdm import tqdm

HISTORY = Path(__file__).parent / "history"
PARTS: dict[str, Callable[[Bench], Figures]] = {
    "step": step_figures.measure,
    "service": service_figures.measure,
    "arrivals": load_figures.arrivals,
    "jobs": job_figures.measure,
    "cluster": cluster_figures.measure,
    "gallery": gallery_figures.measure,
    "mixed": load_figures.mixed,
    "inside": step_figures.breakdown,
    "quality": quality_figures.measure,
    "networks": network_figures.measure,
    "peers": peer_figures.measure,
    "photographs": analysis_figures.measure,
    "attacks": attack_figures.measure,
}


def measure(bench: Bench, parts: Collection[str]) -> dict[str, float]:
    """The figures of `parts`, by name."""
    figures: dict[str, float] = {}
    for part, figures_of in PARTS.items():
        if part in parts:
            bench.progress(part)
            figures |= figures_of(bench)
    return figures


def table(figures: Figures) -> str:
    """A line per figure, with its ratios where it is a time per row and step and those were measured."""
    bases = [("times naive", "naive_ms_per_row_step"), ("times careful", "careful_ms_per_row_step"), ("of limit", "limit_ms_per_row_step")]
    lines = [f"{'':<44}{'':>10}" + "".join(f"{title:>15}" for title, _ in bases)]
    for name, value in figures.items():
        line = f"{name:<44}{value:>10.3f}"
        if "ms_per_row_step" in name:
            ratios = [figures[base] / value if base in figures else None for _, base in bases]
            line += "".join(f"{'' if ratio is None else format(ratio, '.2f'):>15}" for ratio in ratios)
        lines.append(line)
    return "\n".join(lines)


def write(bench: Bench, figures: Figures, folder: Path) -> Path:
    """Keep the figures in a new file of `folder`."""
    kept = record(bench, figures)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kept['date'][:19].replace(':', '')}-{kept['commit']}-{bench.device.type}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where networks run (default: cpu)")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART", help="measure only these parts")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="timings of which the median counts (default: 3)")
    parser.add_argument("--steps", type=int, default=200, metavar="N", help="steps of a picture (default: 200)")
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=[], metavar="NAME", help="of the attacks, only these")
    parser.add_argument(
        "--out", type=Path, default=HISTORY, metavar="FOLDER", help="where the JSON file goes (default: tests/bench/history)"
    )
    options = parser.parse_args()
    keep_freed_memory()  # as the server does
    with tqdm(bar_format="{elapsed}  {desc}") as line:
        bench = Bench(
            torch.device(options.device),
            repeats=options.repeats,
            steps=options.steps,
            attacks=tuple(options.attacks),
            progress=line.set_description_str,
        )
        figures = measure(bench, options.only)
    print(table(figures))
    print(f"written to {write(bench, figures, options.out)}")


if __name__ == "__main__":
    main()
