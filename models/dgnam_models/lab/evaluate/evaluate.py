"""Evaluate: measure what the models' pictures are worth, beside real photographs; report the figures and draw the sheets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dgnam_models.lab.evaluate import memorization, quality, sheets
from dgnam_models.lab.evaluate.material import Material, gather
from dgnam_models.lab.evaluate.quality import Seen
from dgnam_models.lab.evaluate.report import Measures, verdicts, write
from dgnam_models.lab.evaluate.settings import Settings
from dgnam_models.network import Network


def evaluate(settings: Settings) -> dict[str, Any]:
    """Draw, measure, and write the report and the sheets to `settings.out`; return the report.

    Raises:
        StudyError: the settings, the server or the photographs cannot be used; one problem a line.
        DataError, CardError: photographs or models that cannot be read.
    """
    material = gather(settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    several = len(material.pictures) > 1
    folders = {name: settings.out / name if several else settings.out for name in material.pictures}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    measures, keys = _measure(material, settings.out, folders)
    report = {
        **material.report,
        "models": {name: {"sha256": card.sha256, "training": card.training} for name, card in sorted(material.models.cards.items())},
        "contestants": measures,
        "targets": verdicts(measures, settings.units),
        "nameless": keys,
    }
    write(report, settings.out / "quality.json")
    return report


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
        for name, closeness in _look_for_copies(material, folders).items():
            measures[name]["memorization"] = closeness
    return measures, keys


def _show(drawn: Seen, material: Material, folder: Path, name: str) -> dict[int, str]:
    """Write the sheets that show a contestant's pictures; return the key of the one without names."""
    first = drawn.take(torch.arange(0, len(drawn.images), material.each))
    what = f"{material.models.target.name}:{material.models.target.card.output_tap}, drawn with {name}"
    sheets.units(first, material.models.judges, f"The units of {what}, seed 0").save(folder / "units.png")
    sheets.seeds(drawn.images, material.each, f"Units of {what}").save(folder / "seeds.png")
    order = torch.randperm(len(first.images), generator=torch.Generator().manual_seed(0)).tolist()
    pages = sheets.nameless(first.images, order, material.sheet or len(order), "What are these?")
    for number, page in enumerate(pages, start=1):
        page.save(folder / (f"nameless-{number}.png" if material.sheet else "nameless.png"))
    return {number: first.images.names[int(first.images.labels[place])] for number, place in enumerate(order, start=1)}


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


def _look_for_copies(material: Material, folders: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """How close each contestant's pictures are to training images, in pixels and in features, and a sheet of the nearest ones."""
    training, device, each = material.training, material.device, material.each
    if training is None:
        return {}
    assert material.held_out is not None
    held_out, others = (material.models.shown(images) for images in memorization.pairs(material.held_out))
    height, width = held_out.pixels.shape[2:]
    spaces = memorization.spaces(material.models, (height, width))
    tables = memorization.trained_on(training, spaces, device)
    nearest = memorization.nearest({"": held_out, **material.pictures}, spaces, tables, device)
    apart = {
        name: (memorization.seen(held_out, space, device) - memorization.seen(others, space, device)).norm(dim=1)
        for name, space in spaces.items()
    }
    found = {}
    for name, images in material.pictures.items():
        shown = torch.tensor(sheets.spread(len(images) // each)) * each
        rows = {space: nearest[name, space].indices[shown] for space in spaces}
        sheet = sheets.memorization(images.take(shown), rows, training, "Pictures, and the training images nearest to them in")
        sheet.save(folders[name] / "memorization.png")
        found[name] = {
            space: memorization.closeness(nearest[name, space], images, nearest["", space], held_out, apart[space]) for space in spaces
        }
    return found
