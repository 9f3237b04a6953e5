"""Measure what the models' pictures are worth, beside real photographs.

    python -m dgnam_models.lab.train evaluate --val held-out/ --data photographs/
    python -m dgnam_models.lab.train evaluate --val held-out/ --models runs/prior/pack --prior upconv64-fc6 my-prior --pixels pyramid

Every output unit of the target network is drawn with every prior, and without any by the methods that --pixels names; networks that took
no part in it judge the pictures. VAL and DATA
are folders of class folders, or zips of that layout; their classes are matched to the units by name. Without --val, only whether the
judges recognize the pictures is measured; without --data, not whether the pictures are memorized training images. The folder OUT gets
quality.json (every figure, and what it was measured on) and sheets to look at: units, seeds, nameless (its key is in quality.json: can
you name the pictures?), reconstructions, memorization and, of several priors or methods, side-by-side.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from dgnam_client import Client, DgnamError, Methods

import dgnam_models
from dgnam_models.card import CardError, ModelCard
from dgnam_models.lab.evaluate import quality, sheets
from dgnam_models.lab.evaluate.drawing import StudyError, connected, draw
from dgnam_models.lab.evaluate.quality import PIXELS, Seen
from dgnam_models.lab.evaluate.report import Measures, table, verdicts, write
from dgnam_models.lab.train import data
from dgnam_models.lab.train.data import DataError, Photographs
from dgnam_models.network import Generator, Network
from dgnam_models.preprocess import centre_crop


@dataclass(frozen=True)
class Contestant:
    """A way to draw pictures: its name in the report, and its options of `Client.synthesize`, or, where it draws without a prior, of
    `Client.synthesize_pixels`; None: the server's default.
    """

    name: str
    options: Mapping[str, Any]
    pixels: bool = False


@dataclass(frozen=True)
class Models:
    """The models, loaded."""

    target: Network
    judges: tuple[Network, ...]
    generators: Mapping[str, Generator]
    encoders: Mapping[str, Network]  # by their generators' names

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that look at pictures."""
        return tuple({network.name: network for network in (self.target, *self.judges)}.values())

    @property
    def cards(self) -> dict[str, ModelCard]:
        """The cards of all, by name."""
        cards = [model.card for models in (self.networks, self.generators.values(), self.encoders.values()) for model in models]
        return {card.name: card for card in cards}


@dataclass(frozen=True)
class Material:
    """What is measured: each contestant's pictures, `each` of every unit, and photographs of the units' classes, None if not given.

    Held-out photographs are as large as the priors draw; pictures and `training` are as large as the target takes.
    """

    models: Models
    device: torch.device
    each: int
    pictures: Mapping[str, Photographs]
    held_out: Photographs | None
    training: Photographs | None
    settings: Mapping[str, Any]  # for the report

    def seen(self, images: Photographs, networks: Sequence[Network], what: str) -> Seen:
        """Images, cropped to what the target takes, and what `networks` make of them."""
        return quality.seen(_cropped(images, self.models.target), networks, self.device, what)


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate as the command line `arguments` ask; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        report = evaluate(options)
    except (StudyError, DataError, CardError, DgnamError) as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 2
    print(table(report))
    print(f"\nAll figures are in {options.out / 'quality.json'}. Look at the sheets beside it.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m dgnam_models.lab.train evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--val", nargs="+", type=Path, default=[], help="held-out photographs, to compare the pictures with")
    add("--data", nargs="+", type=Path, default=[], help="the photographs trained on, to look for memorized ones")
    add("--target", default="alexnet64", help="the classifier whose output units are drawn (default: %(default)s)")
    add("--prior", nargs="+", default=[], metavar="NAME", help="the priors to draw with, side by side (default: the server's default)")
    add("--pixels", nargs="+", default=[], metavar="METHOD", help="methods to draw with in pixels, without a prior, beside the priors")
    add("--judge", nargs="+", default=["inception64", "resnet64"], metavar="NAME", help="classifiers that judge (default: %(default)s)")
    add("--seeds", type=int, default=3, help="pictures of each unit (default: %(default)s)")
    add("--method", help="how to draw with a prior (default: the server's default)")
    add("--steps", type=int, help="steps of a picture (default: the method's)")
    add("--bound-multiplier", type=float, metavar="X", help="how far code units may go (default: the method's)")
    add("--start-learning-rate", type=float, metavar="X", help="the first step's size (default: the prior's own)")
    add("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs of models beside the bundled ones")
    add("--server", metavar="ADDRESS", help="ask this server, which must have the same models (default: start one here)")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda (default: %(default)s)")
    add("--out", type=Path, default=Path("out/quality"), help="where the results go (default: %(default)s)")
    return parser


def problems(options: argparse.Namespace) -> list[str]:
    """Everything that can be seen to be wrong with the arguments before anything is drawn or read."""
    found = [f"--val, --data: {path} does not exist" for path in [*options.val, *options.data] if not path.exists()]
    if options.data and not options.val:
        found.append("--data needs --val: held-out photographs show how close to a training image is close")
    if options.seeds < 1:
        found.append(f"--seeds is {options.seeds}; it starts at 1")
    if options.device == "cuda" and not torch.cuda.is_available():
        found.append("--device: PyTorch finds no GPU here")
    elif options.device not in ("cpu", "cuda"):
        found.append(f"--device is {options.device!r}; it is cpu or cuda")
    if options.out.exists() and not options.out.is_dir():
        found.append(f"--out: {options.out} is not a folder")
    try:
        cards = dgnam_models.cards(options.models)
    except CardError as error:
        return [*found, f"--models: {error}"]
    roles = [("--target", options.target, "classifier")]
    roles += [("--judge", name, "classifier") for name in options.judge] + [("--prior", name, "prior") for name in options.prior]
    unknown = [(argument, name, role) for argument, name, role in roles if name not in cards or cards[name].role != role]
    for argument, name, role in unknown:
        there = ", ".join(sorted(card.name for card in cards.values() if card.role == role))
        found.append(f"{argument}: {name!r} is not a {role}; there are {there}")
    return found if unknown else found + _misfits(options, cards)


def _misfits(options: argparse.Namespace, cards: Mapping[str, ModelCard]) -> list[str]:
    """What is wrong between models that are there."""
    found, target = [], cards[options.target]
    if not target.labels:
        found.append(f"--target: the units of {target.name} have no labels to judge by")
    for judge in (cards[name] for name in options.judge):
        if not set(judge.labels) & set(target.labels):
            found.append(f"--judge: {judge.name} has none of the labels of {target.name}")
        if _larger(judge, target):
            found.append(f"--judge: {judge.name} takes larger images than {target.name}")
    for prior in (cards[name] for name in options.prior):
        if _larger(target, prior):
            found.append(f"--prior: {prior.name} draws smaller pictures than {target.name} takes")
        if prior.code is not None and prior.code.encoder not in cards:
            found.append(f"--prior: {prior.code.encoder}, the encoder of {prior.name}, is missing; give its pack to --models")
    if len({cards[name].preprocessing.size for name in options.prior}) > 1:
        found.append("--prior: they draw pictures of different sizes; evaluate them one by one")
    return found


def _larger(a: ModelCard, b: ModelCard) -> bool:
    return any(x > y for x, y in zip(a.preprocessing.size, b.preprocessing.size, strict=True))


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Draw, measure, and write the report and the sheets to `options.out`; return the report.

    Raises:
        StudyError: the arguments, the server or the photographs cannot be used; one problem a line.
        DataError, CardError: photographs or models that cannot be read.
        DgnamError: the server is not there.
    """
    material = _gather(options)
    options.out.mkdir(parents=True, exist_ok=True)
    several = len(material.pictures) > 1
    folders = {name: options.out / name if several else options.out for name in material.pictures}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    measures, keys = _measure(material, options.out, folders)
    report = {
        **material.settings,
        "models": {name: {"sha256": card.sha256, "training": card.training} for name, card in sorted(material.models.cards.items())},
        "contestants": measures,
        "targets": verdicts(measures),
        "nameless": keys,
    }
    write(report, options.out / "quality.json")
    return report


def _gather(options: argparse.Namespace) -> Material:
    _refuse(problems(options))
    device = torch.device(options.device)
    with connected(options.server, options.models, options.device) as client:
        methods = client.methods()
        options.prior = list(dict.fromkeys(options.prior)) or [methods.default_prior]
        options.pixels = list(dict.fromkeys(options.pixels))
        _refuse([*problems(options), *_not_pixel_methods(options.pixels, methods)])
        models = _load(options, device)
        _refuse(_differing(client, models))
        held_out, training = (_photographs(sources, models) for sources in (options.val, options.data))
        if held_out is not None:
            held_out = quality.of_units(held_out, models.target.card.labels)
            _refuse(_too_few(held_out, options.seeds))
        contestants = [_contestant(name, options) for name in options.prior] + [_in_pixels(name, options) for name in options.pixels]
        pictures = {one.name: _drawn(client, one, models.target, options.seeds) for one in contestants}
        settings = {
            "settings": vars(options),
            "versions": client.server_info().versions,
            "contestant_options": {one.name: _filled_in(client, one, models) for one in contestants},
            "units": len(models.target.card.labels),
            "units_with_photographs": 0 if held_out is None else len(held_out.labels.unique()),
            "photographs": {"held_out": len(held_out or ()), "trained_on": len(training or ())},
        }
    cropped = None if training is None else _cropped(training, models.target)
    return Material(models, device, options.seeds, pictures, held_out, cropped, settings)


def _load(options: argparse.Namespace, device: torch.device) -> Models:
    loaded: dict[str, Network | Generator] = {}

    def load(name: str) -> Any:
        if name not in loaded:
            loaded[name] = dgnam_models.load(name, device, options.models)
        return loaded[name]

    generators = {name: load(name) for name in options.prior}
    encoders = {name: load(generator.card.code.encoder) for name, generator in generators.items()}
    return Models(load(options.target), tuple(load(name) for name in dict.fromkeys(options.judge)), generators, encoders)


def _differing(client: Client, models: Models) -> list[str]:
    """The server's pictures are judged with the models at hand, so those that draw must be the same."""
    drawing = [models.target.card, *(generator.card for generator in models.generators.values())]
    return [
        f"--server: its {card.name} is not the one here; give the server's packs to --models"
        for card in drawing
        if client.model(card.name).digest != card.sha256
    ]


def _photographs(sources: Sequence[Path], models: Models) -> Photographs | None:
    size = next(iter(models.generators.values())).image_size[0]
    return data.load(sources, size) if sources else None


def _too_few(held_out: Photographs, each: int) -> list[str]:
    """What the sets of photographs that are compared would lack."""
    if not len(held_out):
        return ["--val: none of its classes is a unit of the target"]
    counts = held_out.labels.bincount(minlength=len(held_out.names))
    short = [f"{held_out.names[i]} ({n})" for i, n in enumerate(counts.tolist()) if 0 < n < 2 * each]
    found = []
    if short:
        found.append(f"--val: two sets of {each} photographs of each class are compared, and too few are of {', '.join(short)}")
    if int((counts > 0).sum()) * each <= quality.NEIGHBOURS:
        found.append(f"--val, --seeds: precision and recall need sets of more than {quality.NEIGHBOURS} images")
    return found


def _contestant(prior: str, options: argparse.Namespace) -> Contestant:
    asked = {name: getattr(options, name) for name in ("method", "steps", "bound_multiplier", "start_learning_rate")}
    return Contestant(prior, {"prior": prior, "seed": 0, **asked})


def _in_pixels(method: str, options: argparse.Namespace) -> Contestant:
    return Contestant(method, {"method": method, "seed": 0, "steps": options.steps}, pixels=True)


def _not_pixel_methods(names: Sequence[str], methods: Methods) -> list[str]:
    there = [method.name for method in methods if method.pixels]
    return [f"--pixels: {name!r} is not a method in pixels; there are {', '.join(there)}" for name in names if name not in there]


def _filled_in(client: Client, contestant: Contestant, models: Models) -> dict[str, Any]:
    """The contestant's options with the server's and the prior's defaults in place of None."""
    methods = client.methods()
    name = contestant.options["method"] or methods.default_method
    defaults: dict[str, Any] = {option.name: option.default for method in methods if method.name == name for option in method.options}
    if not contestant.pixels:
        code = models.generators[contestant.name].card.code
        assert code is not None
        defaults |= {"method": name, "start_learning_rate": code.start_learning_rate}
    return defaults | {key: value for key, value in contestant.options.items() if value is not None}


def _drawn(client: Client, contestant: Contestant, target: Network, each: int) -> Photographs:
    """`each` pictures of every unit, a unit's one after another, cropped to what the target takes."""
    card = target.card
    addresses = [f"{card.name}:{card.output_tap}:{unit}" for unit in range(len(card.labels))]
    images = draw(client, addresses, f"{contestant.name} draws", variants=each, pixels=contestant.pixels, **contestant.options).images
    drawn = Photographs(quality.as_pixels(images), torch.arange(len(addresses)).repeat_interleave(each), card.labels)
    return _cropped(drawn, target)


def _measure(material: Material, out: Path, folders: Mapping[str, Path]) -> tuple[dict[str, Measures], dict[str, dict[int, str]]]:
    """All figures of all contestants, and the keys of their nameless sheets; the sheets are written on the way."""
    networks = material.models.networks
    drawn = {name: material.seen(images, networks, f"{name}'s pictures") for name, images in material.pictures.items()}
    keys = {name: _show(images, material, folders[name], name) for name, images in drawn.items()}
    if len(drawn) > 1:
        sheets.side_by_side(material.pictures, material.each, "The same units, drawn in different ways").save(out / "side-by-side.png")
    real = None if material.held_out is None else material.seen(material.held_out, networks, "photographs")
    measures: dict[str, Measures] = {}
    for name, images in drawn.items():
        measures[name] = {"agreement": {judge.name: _agreement(images, real, judge) for judge in material.models.judges}}
        if real is not None:
            measures[name] |= _beside_photographs(images, real, material)
    if real is not None:
        for name, found in _reconstruct(material, real, out).items():
            measures[name] |= found
        for name, closeness in _look_for_copies(material, real.images, folders).items():
            measures[name]["memorization"] = closeness
    return measures, keys


def _show(drawn: Seen, material: Material, folder: Path, name: str) -> dict[int, str]:
    """Write the sheets that show a contestant's pictures; return the key of the one without names."""
    first = drawn.take(torch.arange(0, len(drawn.images), material.each))
    what = f"{material.models.target.name}:{material.models.target.card.output_tap}, drawn with {name}"
    sheets.units(first, material.models.judges, f"The units of {what}, seed 0").save(folder / "units.png")
    sheets.seeds(drawn.images, material.each, f"Units of {what}").save(folder / "seeds.png")
    order = torch.randperm(len(first.images), generator=torch.Generator().manual_seed(0)).tolist()
    sheets.nameless(first.images, order, "What are these?").save(folder / "nameless.png")
    return {number: first.images.names[unit] for number, unit in enumerate(order, start=1)}


def _agreement(drawn: Seen, real: Seen | None, judge: Network) -> dict[str, Any]:
    beside = {} if real is None else {f"real_{key}": value for key, value in quality.agreement(real, judge).items()}
    unknown = sum(name not in judge.card.labels for name in drawn.images.names)
    return {**quality.agreement(drawn, judge), **beside, "units_left_out": unknown, "misnamed": quality.misnamed(drawn, judge)}


def _beside_photographs(drawn: Seen, real: Seen, material: Material) -> Measures:
    """What compares pictures with photographs: of the units that have photographs."""
    drawn = drawn.take(torch.isin(drawn.images.labels, real.images.labels))
    found: Measures = {"activation": quality.activation(drawn, real, material.models.target)}
    found["naturalness"] = {judge.name: quality.naturalness(drawn, real, judge, material.each) for judge in material.models.judges}
    if material.each > 1:
        found["diversity"] = {judge.name: quality.diversity(drawn, real, judge) for judge in material.models.judges}
    return found


def _reconstruct(material: Material, real: Seen, out: Path) -> dict[str, Measures]:
    """What each prior makes of photographs' codes, measured, and on a sheet."""
    held_out, judges, device = material.held_out, material.models.judges, material.device
    assert held_out is not None
    again: dict[str, Seen] = {}
    measures: dict[str, Measures] = {}
    for name, generator in material.models.generators.items():
        encoder = material.models.encoders[name]
        images = quality.reconstructed(held_out, generator, encoder, device)
        again[name] = material.seen(images, judges, "reconstructions")
        measures[name] = {
            "reconstruction": {judge.name: quality.reconstruction(again[name], real, judge) for judge in judges},
            "feature_error": quality.feature_errors(images, held_out, encoder, device),
        }
    title = "Held-out photographs, and what is drawn from their codes"
    sheets.reconstructions(real, again, judges[0], title).save(out / "reconstructions.png")
    return measures


def _look_for_copies(material: Material, real: Photographs, folders: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """How close each contestant's pictures are to training images, in pixels and in features, and a sheet of the nearest ones.

    Both are measured for all pictures; in the other layers, whose activations are many, only the sheet's pictures are looked up.
    """
    training, target, each = material.training, material.models.target, material.each
    if training is None:
        return {}
    pairs = quality.balanced_pairs(real.labels, each)
    held_out = real.take(pairs[0][0])
    measured = [PIXELS, quality.before_output(target)]
    spaces = [PIXELS, *quality.layers(target)]
    shown = torch.tensor(sheets.spread(len(target.card.labels))) * each
    asked = {("", space): held_out for space in measured}
    for name, images in material.pictures.items():
        asked |= {(name, space): images.take(shown) for space in spaces} | {(name, space): images for space in measured}
    nearest = quality.neighbours(asked, training, target, material.device)
    closeness = {}
    for name, images in material.pictures.items():
        rows = {space: nearest[name, space].indices[shown if space in measured else slice(None)] for space in spaces}
        sheet = sheets.memorization(images.take(shown), rows, training, f"Nearest training images, in pixels and in {target.name}'s layers")
        sheet.save(folders[name] / "memorization.png")
        closeness[name] = {space: quality.closeness(nearest[name, space], images, nearest["", space], held_out) for space in measured}
    return closeness


def _cropped(images: Photographs, target: Network) -> Photographs:
    return Photographs(centre_crop(images.pixels, target.input_size), images.labels, images.names)


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise StudyError("\n".join(found))
