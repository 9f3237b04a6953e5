"""Draw for a PyTorch module in this process: no files, no server.

    python examples/own_module.py --out .

The module is one that has just learned to tell lying stripes from standing ones (stripes.py); put yours in its place.
"""

import argparse
from pathlib import Path

import stripes
from dgnam_server import Engine, Network, Preprocessing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the pictures (default: this one)")
    options = parser.parse_args()

    module = stripes.trained()
    form = Preprocessing((stripes.SIZE, stripes.SIZE), "RGB", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    network = Network.of(module, "stripes", form, labels=stripes.LABELS)
    with Engine.local(network, device="cpu") as engine:
        print("taps:", ", ".join(tap.name for tap in engine.model("stripes").taps))
        for unit in engine.units("stripes"):
            picture = engine.synthesize_pixels(unit.address, steps=options.steps)
            print(picture.save(options.out / f"{unit.label}.png", recipe=False), f"activation {picture.activation:.1f}")


if __name__ == "__main__":
    main()
