"""Show how units change along a training of yours: the strongest photograph and its projection at each snapshot.

    dgnam-models train own64 --set name=mine --data photographs/ --run-dir runs/mine --snapshots
    dgnam-models evolution runs/mine --data photographs/ --out evolution.png
    dgnam-models evolution runs/mine --data photographs/ --unit conv3:17 fc8:lemon --out evolution.png

After Zeiler & Fergus 2013, fig. 4. With --snapshots, `train` keeps the network at every checkpoint, in the run folder's pack. Of each unit
two rows are drawn: what its strongest photograph shows in its receptive field, and what in that the activation comes from. Without --unit,
four layers are followed, each by its unit that is strongest at the end. Told is, for each layer, the share of units whose strongest
photograph is another than at the snapshot before: lower layers settle first. Asks a server, which is started here.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dgnam_models
from dgnam_models.card import ModelCard
from dgnam_models.commands import arguments
from dgnam_models.commands.filters import SUFFIXES
from dgnam_models.errors import UsageError


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_dir", type=Path, metavar="RUN_DIR", help="the folder of a training with snapshots, or a pack with them")
    arguments.photographs(parser, "photographs to choose from")
    add(
        "--unit",
        nargs="+",
        default=[],
        metavar="TAP:UNIT",
        help="units to follow, by number or label (default: one of each of four layers)",
    )
    add("--count", type=int, default=8, metavar="N", help="snapshots that are shown, evenly spread (default: %(default)s)")
    add("--limit", type=int, default=1000, metavar="N", help="take about so many photographs, evenly spread (default: %(default)s)")
    add("--out", type=Path, default=Path("evolution.png"), metavar="FILE", help="the sheet: .png, .jpg or .webp (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    arguments.device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if problems := _problems(options):
        raise UsageError("\n".join(problems))
    arguments.need_client("evolution")
    from dgnam_models import Network, photographs
    from dgnam_models.lab.evaluate.drawing import connected
    from dgnam_models.lab.paper import snapshots

    pack = options.run_dir / "pack" if (options.run_dir / "pack").is_dir() else options.run_dir
    cards = dgnam_models.cards([pack])
    names = snapshots.names(cards, snapshots.trained(cards), options.count)
    units = [_unit(text, cards[names[-1]]) for text in options.unit]
    device = arguments.chosen_device(options)
    networks = [dgnam_models.load(name, packs=[pack]) for name in names]
    kept = snapshots.Snapshots([one for one in networks if isinstance(one, Network)], [snapshots.step(name) for name in names])
    seen = photographs.read(options.data, max(kept.networks[0].input_size), options.limit)
    followed: Sequence[tuple[str, int | None]] = units or [(tap, None) for tap in snapshots.layers(kept.networks[-1])]
    with connected(None, [pack], str(device), only=names) as client:
        found = snapshots.follow(client, kept, photographs.as_float(seen.pixels), followed)
    found.sheet.save(options.out)
    print(json.dumps(found.numbers, indent=2) if options.json else f"{described(found.numbers)}\n{options.out}")
    return 0


def described(numbers: Mapping[str, Any]) -> str:
    """The numbers in lines."""
    steps: Sequence[int] = numbers["steps"]
    lines = [f"{numbers['photographs']} photographs; units whose strongest is another than at the snapshot before, at step"]
    lines.append(" " * 16 + "".join(f"{step:>8}" for step in steps[1:]))
    for name, told in numbers.items():
        if isinstance(told, dict):
            lines.append(f"{name[:15]:16}" + "".join(f"{share:8.0%}" for share in told["units with another photograph"]))
    return "\n".join(lines)


def _problems(options: argparse.Namespace) -> list[str]:
    problems = [] if options.run_dir.is_dir() else [f"there is no folder {options.run_dir}"]
    if options.out.suffix.lower() not in SUFFIXES:
        problems.append(f"--out {options.out}: end the name in {', '.join(SUFFIXES)}")
    if not options.out.parent.is_dir():
        problems.append(f"--out {options.out}: there is no folder {options.out.parent}")
    problems += [
        f"--{name} is {getattr(options, name)}; it must be at least {least}"
        for name, least in (("count", 2), ("limit", 1))
        if getattr(options, name) < least
    ]
    return problems


def _unit(text: str, card: ModelCard) -> tuple[str, int]:
    """A tap and the index of its unit."""
    name, _, unit = text.partition(":")
    tap = next((tap for tap in card.taps if tap.name == name), None)
    if tap is None:
        raise UsageError(f"--unit {text}: {card.name} has no tap {name}; it has {', '.join(one.name for one in card.taps)}")
    labels = [label.casefold() for label in card.labels] if name == card.output_tap else []
    index = int(unit) if unit.isdecimal() else labels.index(unit.casefold()) if unit.casefold() in labels else -1
    if not 0 <= index < tap.shape[0]:
        raise UsageError(
            f"--unit {text}: write a unit of {name} after the colon, 0 to {tap.shape[0] - 1}" + (" or a label" if labels else "")
        )
    return name, index
