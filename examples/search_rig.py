"""A neuron that is not ours: a rig that shows pictures from a folder and writes what it measured, here a simulated one.

dgnam-server                                             # in another terminal
python examples/search_rig.py --folder rig --max-pictures 400

The rig is a program of its own that knows nothing of dgnam: it watches a folder, shows each new picture and writes its score beside it.
The search writes pictures there, waits for scores and tells them. Stop it and start it again: it goes on where it was.
"""

import argparse
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from dgnam_client import Client, SearchPicture
from PIL import Image


class SimulatedRig:
    """Likes what is orange in the middle and blue around it; noisy, and sometimes it loses a trial. Yours would be another program."""

    def __init__(self, folder: Path, noise: float) -> None:
        self.folder, self.noise, self.random = folder, noise, np.random.default_rng(0)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        while not self.stop.wait(0.02):
            for path in sorted(self.folder.glob("*.png")):
                if not path.with_suffix(".score").exists():
                    self.write(path.with_suffix(".score"), self.measure(path))

    def measure(self, path: Path) -> float | None:
        """Spikes per second; None: the animal looked away."""
        if self.random.random() < 0.05:
            return None
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB").resize((32, 32)), float) / 255
        y, x = np.mgrid[-1:1:32j, -1:1:32j]
        middle = np.exp(-4 * (x**2 + y**2))
        orange = pixels @ [1.0, 0.4, -1.2]
        rate = 40 * (orange * middle).sum() / middle.sum() - 20 * (orange * (1 - middle)).sum() / (1 - middle).sum()
        return max(0.0, 20 + rate) * max(0.0, 1 + self.noise * self.random.standard_normal())

    def write(self, path: Path, score: float | None) -> None:
        """Whole or not at all, so that nobody reads half a score."""
        draft = path.with_suffix(".draft")
        draft.write_text("-" if score is None else f"{score:.6g}")
        draft.replace(path)


def measure(pictures: Sequence[SearchPicture], folder: Path) -> list[float | None]:
    """Write the pictures into the rig's folder and wait for its scores."""
    places = [folder / one.name for one in pictures]
    for one, place in zip(pictures, places, strict=True):
        one.save(place.with_suffix(".png"))
    scores: list[float | None] = []
    for place in places:
        while not place.with_suffix(".score").exists():
            time.sleep(0.02)
        text = place.with_suffix(".score").read_text()
        scores.append(None if text == "-" else float(text))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="grpc://host:port (default: $DGNAM_SERVER, else this machine)")
    parser.add_argument("--folder", type=Path, default=Path("rig"), help="default: %(default)s")
    parser.add_argument("--name", default="simulated-rig", help="the search's name on the server (default: %(default)s)")
    parser.add_argument("--optimizer", default="cma", help="default: %(default)s")
    parser.add_argument("--prior", default="upconv64-fc6", help="default: %(default)s")
    parser.add_argument("--max-pictures", type=int, default=400, help="default: %(default)s")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    rig = SimulatedRig(options.folder, noise=0.2)
    rig.thread.start()
    with Client(options.server) as client:
        search = client.search(options.name, prior=options.prior, optimizer=options.optimizer, max_pictures=options.max_pictures)
        for pictures in search:
            done = search.tell(measure(pictures, options.folder))
            if done is not None and done.mean is not None:
                print(f"generation {done.number}: mean {done.mean:.1f}, best {done.best:.1f}, {done.missing} missing", flush=True)
        best = search.best()
    rig.stop.set()
    if best is not None:
        best.save(options.folder.with_name(f"{options.name}.png"))


if __name__ == "__main__":
    main()
