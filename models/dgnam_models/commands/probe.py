"""Fit a linear classifier on each layer of a network: how well do its features tell the classes of your photographs apart?

    dgnam-models probe alexnet64 --data scenes/ --val held-out/ --plot probes.png
    dgnam-models probe resnet64 --data scenes/ --taps relu2b relu4b --per-class 1 2 5 10 --out probes.json

After Zeiler & Fergus 2013, table 7, and with --per-class their fig. 9. The network stays as it is; the classes are the folders' and need
not be its own. Multinomial logistic regression (scikit-learn) sees features of zero mean and unit variance; a map with more than 4,096
values is averaged to fewer places. `pixels` is the picture itself, to compare with. Needs pip install "dgnam-models[probe]".
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dgnam_models
from dgnam_models.card import ModelCard
from dgnam_models.commands import arguments
from dgnam_models.errors import DataError, UsageError

if TYPE_CHECKING:
    from dgnam_models.lab.analysis.probes import Layer
    from dgnam_models.network import Network
    from dgnam_models.photographs import Photographs

PLOTS = (".png", ".svg", ".pdf")


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("network", metavar="NETWORK", help="the network, as `dgnam-models list` has it")
    arguments.photographs(parser, "photographs to fit on, and to test on without --val")
    add(
        "--val",
        nargs="+",
        type=Path,
        default=[],
        metavar="PATH",
        help="photographs held out (default: every fifth of each class of --data)",
    )
    add("--limit", type=int, metavar="N", help="take about so many photographs, evenly spread (default: all)")
    add("--taps", nargs="+", default=[], metavar="TAP", help="layers to probe (default: the pixels, and every tap but the output)")
    add("--per-class", nargs="+", type=int, default=[], metavar="N", help="few-shot: also with so many training pictures of each class")
    add("--repeats", type=int, default=5, metavar="N", help="few-shot: draws to take the mean of (default: %(default)s)")
    add("--regularization", type=float, default=0.01, metavar="C", help="smaller is stronger, scikit-learn's C (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="few-shot: other draws (default: %(default)s)")
    add("--out", type=Path, metavar="FILE.json", help="write the figures as JSON")
    add("--plot", type=Path, metavar="FILE", help="draw the curves: .png, .svg or .pdf")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    card = arguments.known(options.network, dgnam_models.cards(options.models))
    if problems := _problems(options, card):
        raise UsageError("\n".join(problems))
    from tqdm import tqdm

    from dgnam_models import Network
    from dgnam_models.lab.analysis import probes

    probes.need_sklearn()
    if options.plot is not None:
        _need_matplotlib()
    network = dgnam_models.load(card.name, packs=options.models)
    assert isinstance(network, Network)
    training, held = _photographs(options, network)
    others = [tap.name for tap in card.taps if tap.name != card.output_tap]
    taps = options.taps or [probes.PIXELS, *others]
    settings = probes.Settings(options.per_class, options.repeats, options.regularization, options.seed)
    with tqdm(total=len(training) + len(held), desc="features", disable=None, leave=False) as bar:
        seen = [(probes.features(network, one, taps, bar.update), one.labels) for one in (training, held)]
    with tqdm(total=probes.fits(settings, len(taps)), desc="probes", disable=None, leave=False) as bar:
        found = probes.probe(seen[0], seen[1], settings, bar.update)
    chance = float(held.labels.bincount().max()) / len(held)
    told = {"network": card.name, "training": len(training), "held_out": len(held), "classes": len(held.names), "chance": round(chance, 4)}
    print(described(told, found))
    if options.out is not None:
        options.out.write_text(json.dumps({**told, "layers": [asdict(layer) for layer in found]}, indent=2) + "\n", encoding="utf-8")
    if options.plot is not None:
        from dgnam_models.lab.analysis import probe_plot

        options.plot.write_bytes(probe_plot.drawn({card.name: found}, chance, options.plot.suffix.lower()[1:]))
    return 0


def described(told: dict[str, Any], layers: "list[Layer]") -> str:
    """A table."""
    counts = list(layers[0].few)
    head = "layer               features  accuracy" + "".join(f"{f'{count} each':>15}" for count in counts)
    lines = [f"{told['network']}: {told['classes']} classes, {told['training']} pictures to fit on, {told['held_out']} held out", head]
    for layer in layers:
        few = "".join(f"{f'{mean:.1%} ± {std:.1%}':>15}" for mean, std in layer.few.values())
        lines.append(f"{layer.tap:18}{layer.features:>10}{layer.accuracy:>10.1%}{few}")
    return "\n".join([*lines, f"{'guessing':28}{told['chance']:>10.1%}"])


def _photographs(options: argparse.Namespace, network: "Network") -> "tuple[Photographs, Photographs]":
    from dgnam_models import photographs
    from dgnam_models.lab.analysis import probes

    size = network.input_size[0]
    everything = photographs.read(options.data, size, options.limit)
    if not options.val:
        training, held = probes.held_out(everything)
        if not len(held):
            raise DataError("no class has five photographs, of which one could be held out: give --val")
        return training, held
    held = photographs.read(options.val, size, options.limit)
    if held.names != everything.names:
        raise DataError(f"--val has {len(held.names)} classes, not the {len(everything.names)} of --data")
    return everything, held


def _problems(options: argparse.Namespace, card: ModelCard) -> list[str]:
    problems = []
    if card.role != "classifier":
        problems.append(f"{card.name} draws pictures: name a network that looks at them")
    known = ["pixels", *(tap.name for tap in card.taps)]
    problems += [
        f"{card.name} has no tap {tap!r}; `dgnam-models show {card.name}` lists its taps" for tap in options.taps if tap not in known
    ]
    for name in ("repeats", "limit", *(["per_class"] if options.per_class else [])):
        value = getattr(options, name)
        if value is not None and min(value if isinstance(value, list) else [value]) < 1:
            problems.append(f"--{name.replace('_', '-')} must be at least 1")
    if not options.regularization > 0:
        problems.append(f"--regularization is {options.regularization}; it must be positive")
    if options.plot is not None and options.plot.suffix.lower() not in PLOTS:
        problems.append(f"--plot {options.plot}: end the name in {', '.join(PLOTS)}")
    for path in (options.out, options.plot):
        if path is not None and not path.parent.is_dir():
            problems.append(f"{path}: there is no folder {path.parent}")
    if card.preprocessing.size[0] != card.preprocessing.size[1]:
        problems.append(f"{card.name} takes pictures that are not square; photographs are read as squares")
    return problems


def _need_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError('--plot needs Matplotlib: pip install "dgnam-models[probe]"') from None
