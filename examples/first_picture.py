"""Draw the picture that one neuron prefers, and save it with the recipe that draws it again.

dgnam-server                                                          # in another terminal
python examples/first_picture.py efficientnet-lite0:fc:lemon --out lemon.png
"""

import argparse

from dgnam_client import Client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", default="efficientnet-lite0:fc:lemon", help="a unit: model:tap:unit (default: %(default)s)")
    parser.add_argument("--server", help="grpc://host:port (default: $DGNAM_SERVER, else this machine)")
    parser.add_argument("--steps", type=int, help="default: the method's own")
    parser.add_argument("--out", default="picture.png", help="default: %(default)s")
    options = parser.parse_args()

    with Client(options.server) as client:
        picture = client.synthesize(options.target, steps=options.steps, seed=0)

    path = picture.save(options.out)
    print(f"{path}: activation {picture.history.sum(1)[0]:.2f} at the start, {picture.activation:.2f} after {len(picture.history)} steps")
    print(f"{path.with_suffix('.json')}: its recipe, for `dgnam synth --replay`")


if __name__ == "__main__":
    main()
