"""Draw for the network that own_onnx_server.py serves: every class unit, without a prior.

python examples/own_onnx_server.py                       # in another terminal
python examples/own_onnx_client.py --out stripes.png
"""

import argparse

from dgnam_client import Client, DgnamError, contact_sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="stripes", help="default: %(default)s")
    parser.add_argument("--server", help="grpc://host:port (default: $DGNAM_SERVER, else this machine)")
    parser.add_argument("--steps", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--out", default="stripes.png", help="default: %(default)s")
    options = parser.parse_args()

    with Client(options.server) as client:
        units = client.units(options.model)
        outcomes = client.synthesize_pixels_many([unit.address for unit in units], steps=options.steps)
    for unit, outcome in zip(units, outcomes, strict=True):
        print(unit.address, unit.label, outcome if isinstance(outcome, DgnamError) else f"activation {outcome.activation:.1f}")
    drawn = [(unit, outcome) for unit, outcome in zip(units, outcomes, strict=True) if not isinstance(outcome, DgnamError)]
    contact_sheet([outcome for _, outcome in drawn], [[unit.label] for unit, _ in drawn]).save(options.out)


if __name__ == "__main__":
    main()
