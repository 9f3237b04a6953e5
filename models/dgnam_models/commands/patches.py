"""Cut small pieces out of photographs, which the method patch-prior draws with, and write them into a pack.

    dgnam-models patches --data photographs/ --into mine
    dgnam-server --models mine

No set is bundled: its patches are pieces of the photographs.
"""

import argparse
from pathlib import Path

from dgnam_models.commands import arguments

COUNT = 20_000


def declare(parser: argparse.ArgumentParser) -> None:
    arguments.photographs(parser, "what to cut from")
    parser.add_argument("--into", type=Path, required=True, metavar="PACK", help="the pack's folder; it is made if need be")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help="how many patches (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other places (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dgnam_models import patches

    print(patches.write(options.data, options.into, options.count, options.seed))
    return 0
