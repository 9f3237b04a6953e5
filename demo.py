"""From nothing to pictures: start a server, ask it for what twelve targets in a network of 1,000 classes prefer, and judge the pictures.

    python demo.py --out out

It is also the shortest complete example of the client at work.
"""

import argparse
import sys
import time
from pathlib import Path

import dgnam_client
import dgnam_models
import numpy as np
import torch
from dgnam_client import Client, DgnamError, Event, Progress, Result, local_server
from dgnam_models.preprocess import resize
from tqdm import tqdm

NETWORK = "efficientnet-lite0:fc"
UNITS = ["goldfish", "giant panda", "ladybug", "banana", "school bus", "lemon", "pizza", "church", "volcano"]
PAIRS = [("goldfish", "coral reef"), ("lemon", "ladybug"), ("school bus", "lakeside")]
BALANCE = "equal-activation"  # a pair's plain sum would let one neuron win; to a single neuron it makes no difference
JUDGE = "efficientnet-lite2"  # took no part in drawing, nor in training the prior


def draw(client: Client, targets: dict[str, list[str]], seed: int) -> dict[str, Result]:
    """All targets at once, a progress bar each."""
    bars = [
        tqdm(desc=f"{name:>22}", position=i, total=0, disable=None, bar_format="{desc} {bar:30} {n:>3}/{total}{postfix}")
        for i, name in enumerate(targets)
    ]

    def show(index: int, event: Event) -> None:
        bar = bars[index]
        if isinstance(event, Progress):
            state = event.variants[0]
            bar.total, bar.n = state.total_steps, state.step
            bar.set_postfix_str(f"activation {state.activation:.1f}", refresh=False)
        elif isinstance(event, Result):
            bar.n = bar.total = len(event.history)
            bar.set_postfix_str(f"activation {event.activation:.1f}", refresh=False)
        bar.refresh()

    outcomes = client.synthesize_many(targets.values(), seed=seed, balance=BALANCE, on_progress=show, concurrency=len(targets))
    for bar in bars:
        bar.close()
    for name, outcome in zip(targets, outcomes, strict=True):
        if isinstance(outcome, DgnamError):
            sys.exit(f"{name}: {outcome}")
    return {name: outcome for name, outcome in zip(targets, outcomes, strict=True) if isinstance(outcome, Result)}


def judge(results: dict[str, Result]) -> dict[str, str]:
    """What a network that took no part calls each picture, with its probability: one name per neuron asked for."""
    network = dgnam_models.load(JUDGE)
    assert isinstance(network, dgnam_models.Network)
    images = torch.from_numpy(np.stack([result.array for result in results.values()])).permute(0, 3, 1, 2).clamp(0, 1)
    opinions = {}
    logits = network.logits(resize(images, network.input_size))
    for (name, result), probabilities in zip(results.items(), logits.softmax(1), strict=True):
        best = probabilities.topk(len(result.term_activations))
        opinions[name] = ", ".join(
            f"{network.card.labels[i]} {p:.0%}" for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        )
    return opinions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the pictures go (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other pictures (default: %(default)s)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    targets = {name: [f"{NETWORK}:{name}"] for name in UNITS}
    targets |= {" + ".join(pair): [f"{NETWORK}:{name}" for name in pair] for pair in PAIRS}
    started = time.monotonic()
    print("starting a server")
    with local_server(options.out) as server, Client(server.address) as client:
        print(f"drawing {len(targets)} pictures at once")
        results = draw(client, targets, options.seed)
    opinions = judge(results)
    captions = []
    for name, result in results.items():
        result.save(options.out / f"{name.replace(' + ', '+').replace(' ', '_')}.png", recipe=True)
        activations = " + ".join(f"{value:.1f}" for value in result.term_activations)
        captions.append([name, f"activation {activations}", f"{JUDGE}: {opinions[name]}"])
    sheet = options.out / "contact-sheet.png"
    dgnam_client.contact_sheet(list(results.values()), captions).save(sheet)
    print(f"{len(results)} pictures in {time.monotonic() - started:.0f} s, each with its recipe (dgnam synth --replay FILE.json):")
    for path in sorted(options.out.glob("*.png")):
        print(f"  {path}")
    print(f"Look at {sheet}")


if __name__ == "__main__":
    main()
