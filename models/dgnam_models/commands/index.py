"""Index an image set: which photographs excite each unit of a network most, and how much photographs do.

    dgnam-models index alexnet64 --data photographs/ --into indices/alexnet64
    dgnam-models index efficientnet-lite0 --taps block6d fc --data set.zip more.txt --strongest 25 --into indices/lite0
    dgnam-server --indices indices/
    dgnam exemplars alexnet64:conv5:17 -o sheet.png

Photographs stay where they are: the index remembers where that is. Ctrl-C keeps what is done, and the same command goes on with it.
Those with fewer pixels than the network takes are left out, unless --enlarge.
"""

import argparse
from pathlib import Path

import dgnam_models
from dgnam_models.commands import arguments


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NETWORK", help="whose units")
    text = "the photographs: folders, at any depth; zips; lists of paths (.txt), one in a line"
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="PATH", help=text)
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="the index's folder; its last part is its name")
    parser.add_argument("--taps", nargs="+", default=[], metavar="TAP", help="the units of these alone (default: of all taps)")
    text = "how many photographs are kept of each unit (default: %(default)s)"
    parser.add_argument("--strongest", type=int, default=9, metavar="K", help=text)
    parser.add_argument("--enlarge", action="store_true", help="also take photographs with fewer pixels than the network takes")
    parser.add_argument("--limit", type=int, metavar="N", help="take about so many photographs, evenly spread (default: all)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    arguments.packs(parser)
    arguments.device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    card = arguments.known(options.network, dgnam_models.cards(options.models))
    arguments.check_classifier(card)
    from dgnam_models import Network, image_set, indexing

    images = image_set.find(options.data, options.limit)
    network = dgnam_models.load(card.name, arguments.chosen_device(options), options.models)
    assert isinstance(network, Network)
    wanted = indexing.plan(network, images, options.taps, options.strongest, options.enlarge)
    header = indexing.build(network, images, wanted, options.into, progress=not options.quiet).header
    left_out = [f"{count} {why}" for count, why in ((header.small, "smaller than it takes"), (header.unreadable, "damaged")) if count]
    print(
        f"{options.into}: the {header.strongest} strongest of {header.indexed} photographs for {header.units} units of {card.name}"
        + (f"; left out: {', '.join(left_out)}" if left_out else "")
    )
    return 0
