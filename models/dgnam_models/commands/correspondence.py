"""Measure whether covering the same part changes a network's features alike in several pictures.

    dgnam-models correspondence efficientnet-lite0 --parts dogs.json --taps relu_head pool

After Zeiler & Fergus 2013, table 1. dogs.json marks the parts, in the pictures' pixels:

    {"pictures": ["a.jpg", "b.jpg"],
     "parts": {"left eye": [[40, 52, 60, 70], [31, 44, 49, 60]], "nose": [[55, 80, 80, 99], [50, 71, 70, 90]]},
     "object": [[10, 12, 120, 118], [5, 9, 110, 115]]}

A box is left, top, right, bottom. `object` may be left out: random places then lie anywhere. Told is, by tap, the mean share of features
whose change has another sign in another picture: 0 is always alike. A part below random places corresponds between the pictures.
"""

import argparse
import json
from pathlib import Path

import dgnam_models
from dgnam_models.commands import arguments
from dgnam_models.errors import UsageError


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("network", metavar="NETWORK", help="the network, as `dgnam-models list` has it")
    add("--parts", type=Path, required=True, metavar="FILE.json", help="the pictures, and where their parts are")
    add(
        "--taps", nargs="+", default=[], metavar="TAP", help="layers to compare (default: the last with a map, and the last but the output)"
    )
    add("--draws", type=int, default=10, metavar="N", help="how often random places are drawn (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="other random places (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    card = arguments.known(options.network, dgnam_models.cards(options.models))
    known = [tap.name for tap in card.taps]
    problems = [
        f"{card.name} has no tap {tap!r}; `dgnam-models show {card.name}` lists its taps" for tap in options.taps if tap not in known
    ]
    if card.role != "classifier":
        problems = [f"{card.name} draws pictures: name a network that looks at them"]
    if options.draws < 1:
        problems.append(f"--draws is {options.draws}; it must be at least 1")
    if problems:
        raise UsageError("\n".join(problems))
    from tqdm import tqdm

    from dgnam_models import Network
    from dgnam_models.lab.analysis import correspondence

    marked = correspondence.read(options.parts)
    network = dgnam_models.load(card.name, packs=options.models)
    assert isinstance(network, Network)
    with tqdm(total=len(marked.parts) + options.draws, desc="correspondence", disable=None, leave=False) as bar:
        taps = options.taps or correspondence.layers(network)
        found = correspondence.numbers(correspondence.measure(network, marked, taps, options.draws, options.seed, bar.update))
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    print(f"{card.name}: share of features whose change has another sign in another of {len(marked.pictures)} pictures")
    for tap, parts in found.items():
        for name, one in parts.items():
            print(f"{tap:16} {name:20} {one['mean']:.3f}" + (f" ± {one['std']:.3f}" if name == correspondence.RANDOM else ""))
    return 0
