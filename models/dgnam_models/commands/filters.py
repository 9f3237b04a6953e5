"""Draw a network's first-layer filters on a sheet, and tell which of them are dead or dominate.

    dgnam-models filters alexnet64 --out filters.png
    dgnam-models filters mine --models mine/ --data photographs/ --out filters.png

After Zeiler & Fergus 2013, fig. 6. A filter dominates when its root mean square is more than three times the median one's (red frame), and
is dead below a tenth of it (blue frame). With --data the same is asked of the filters' mean responses to photographs, which finds those
that never respond. Also told: the shares of low, middle and high spatial frequencies, and the share that the stride is too long for.
"""

import argparse
import json
from pathlib import Path

import dgnam_models
from dgnam_models.commands import arguments
from dgnam_models.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NETWORK", help="the network, as `dgnam-models list` has it")
    text = "photographs to measure the filters' responses on: folders of class folders, or zips of that layout"
    parser.add_argument("--data", nargs="+", type=Path, default=[], metavar="PATH", help=text)
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="take about so many of them (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the sheet to write, each filter on its own scale: .png, .jpg or .webp")
    parser.add_argument("--shared-scale", action="store_true", help="draw all filters on one scale, so that strong ones stand out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    card = arguments.known(options.network, dgnam_models.cards(options.models))
    problems = []
    if card.role != "classifier":
        problems.append(f"{card.name} draws pictures: name a network that looks at them")
    if options.out is not None and options.out.suffix.lower() not in SUFFIXES:
        problems.append(f"--out {options.out}: end the name in {', '.join(SUFFIXES)}")
    if options.out is not None and not options.out.parent.is_dir():
        problems.append(f"--out {options.out}: there is no folder {options.out.parent}")
    if options.limit < 1:
        problems.append(f"--limit is {options.limit}; it must be at least 1")
    if problems:
        raise UsageError("\n".join(problems))
    from tqdm import tqdm

    from dgnam_models import Network, filters, photographs

    network = dgnam_models.load(card.name, packs=options.models)
    assert isinstance(network, Network)
    found = filters.first_layer(network)
    if options.data:
        seen = photographs.read(options.data, max(network.input_size), options.limit)
        with tqdm(total=len(seen), desc="responses", disable=None, leave=False) as bar:
            found = filters.measured(found, network, seen, bar.update)
    if options.out is not None:
        filters.sheet(found, shared=options.shared_scale).save(options.out)
    print(json.dumps(filters.numbers(found), indent=2) if options.json else described(card.name, filters.numbers(found)))
    return 0


def described(name: str, numbers: dict[str, object]) -> str:
    """The diagnosis in lines."""
    lines = [f"{name}: {numbers['filters']} filters of {_by(numbers['size'])} pixels, stride {_by(numbers['stride'])}"]
    for key, means in (("dominating", "more than 3 times as strong as the median filter"), ("dead", "less than a tenth as strong")):
        units = numbers[key]
        assert isinstance(units, list)
        lines.append(f"{key:14} {len(units)}, {means}" + (f": {', '.join(map(str, units))}" if units else ""))
    shares = numbers["frequencies"]
    assert isinstance(shares, dict)
    lines.append("frequencies    " + ", ".join(f"{share:.0%} {band}" for band, share in shares.items()))
    lines.append(f"aliased        {numbers['aliased']:.0%} of the energy is at frequencies that the stride cannot carry")
    return "\n".join(lines)


def _by(pair: object) -> str:
    assert isinstance(pair, list)
    return " x ".join(map(str, pair))
