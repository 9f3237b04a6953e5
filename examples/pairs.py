"""One picture for two neurons: the balance decides whether one of them may win.

dgnam-server                                             # in another terminal
python examples/pairs.py lemon ladybug --out pair.png
"""

import argparse

from dgnam_client import Client, contact_sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", default=["lemon", "ladybug"], help="class units of alexnet64 (default: lemon ladybug)")
    parser.add_argument("--server", help="grpc://host:port (default: $DGNAM_SERVER, else this machine)")
    parser.add_argument("--steps", type=int, help="default: the method's own")
    parser.add_argument("--out", default="pair.png", help="default: %(default)s")
    options = parser.parse_args()
    target = [f"alexnet64:fc8:{label}" for label in options.labels]

    pictures, captions = [], []
    with Client(options.server) as client:
        for balance in ("none", "gradient-norm", "equal-activation"):
            picture = client.synthesize(target, balance=balance, steps=options.steps, seed=0)
            pictures.append(picture)
            reached = [f"{label} {value:.1f}" for label, value in zip(options.labels, picture.term_activations, strict=True)]
            captions.append([balance, *reached])
            print(f"{balance:>16}: {', '.join(reached)}")
    contact_sheet(pictures, captions).save(options.out)


if __name__ == "__main__":
    main()
