"""Interpretability: draw what units prefer and what they dislike, try whether it explains them, and report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from dgnam_client import Client, Term, Unit
from torch import Tensor
from tqdm import tqdm

import dgnam_models
from dgnam_models import photographs
from dgnam_models.errors import StudyError
from dgnam_models.lab.evaluate import drawing, quality
from dgnam_models.lab.interpretability import page, trials
from dgnam_models.lab.interpretability.score import evidence, rights, similarities
from dgnam_models.lab.interpretability.settings import Settings, problems
from dgnam_models.lab.interpretability.trials import REFERENCES, Trials
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs
from dgnam_models.preprocess import crop_or_enlarge

SIDES = ("maximizing", "minimizing")
WAYS = ("synthetic", "exemplars")
_CHUNK = 32


@dataclass(frozen=True)
class Explained:
    """One unit: its trials, and its synthetic references' pictures (9, 3, H, W) of each side, the same in all trials."""

    unit: int
    name: str
    trials: Trials
    drawn: Mapping[str, Tensor]


def interpretability(settings: Settings) -> dict[str, Any]:
    """Draw, try, and write the report and the page to `settings.out`; return the report.

    Raises:
        StudyError: the settings, the server or the photographs cannot be used; one problem a line.
        DataError, CardError: photographs or models that cannot be read.
    """
    if found := problems(settings):
        raise StudyError("\n".join(found))
    target, observer = (_network(name, settings) for name in (settings.target, settings.observer))
    tap = settings.tap or target.card.output_tap
    pictures = photographs.read(settings.photographs, max(target.input_size))
    if len(pictures) < (least := trials.needed(settings.trials)):
        raise StudyError(f"--data: {len(pictures)} photographs are fewer than the {least} that {settings.trials} trials of a unit take")
    activation = _activations(target, tap, pictures)
    units = _spread(activation.shape[1], settings.units)
    explained = _explained(settings, target, tap, units, activation)
    report = _report(settings, target, tap, explained, _scores(observer, pictures, explained))
    settings.out.mkdir(parents=True, exist_ok=True)
    (settings.out / "interpretability.json").write_text(json.dumps(report, indent=1))
    if settings.page_trials:
        text = page.page(page.questions(explained, pictures, settings.page_trials, settings.seed), f"{target.name}:{tap}")
        (settings.out / "trials.html").write_text(text, encoding="utf-8")
    return report


def _network(name: str, settings: Settings) -> Network:
    network = dgnam_models.load(name, packs=settings.models)
    assert isinstance(network, Network)
    return network.to(settings.device)


@torch.no_grad()
def _look(network: Network, tap: str, images: Tensor, what: str = "") -> Tensor:
    """What images (N, 3, H, W) float give a tap, the means of maps, (N, C) on the host."""
    found = []
    device = next(network.parameters()).device
    for part in tqdm(images.split(_CHUNK), what, disable=None if what else True, leave=False):
        shown = crop_or_enlarge(quality.as_pixels(part) if part.dtype == torch.uint8 else part, network.input_size)
        found.append(network.activations(shown.to(device), [tap])[tap].float().flatten(2 if tap in _maps(network) else 1).cpu())
    joined = torch.cat(found)
    return joined.mean(2) if joined.ndim == 3 else joined


def _maps(network: Network) -> list[str]:
    return [tap.name for tap in network.card.taps if len(tap.shape) == 3]


def _activations(target: Network, tap: str, pictures: Photographs) -> Tensor:
    return _look(target, tap, pictures.pixels, f"what excites {target.name}:{tap}")


def _spread(units: int, wanted: int) -> list[int]:
    count = min(units, wanted)
    return [number * units // count for number in range(count)]


def _explained(settings: Settings, target: Network, tap: str, units: Sequence[int], activation: Tensor) -> list[Explained]:
    drawn = _drawn(settings, target.name, tap, units)
    labels = target.card.labels if tap == target.card.output_tap else ()
    return [
        Explained(
            unit,
            labels[unit] if labels else f"unit {unit}",
            trials.of_unit(activation[:, unit], settings.trials, settings.seed + unit),
            {side: images[number] for side, images in drawn.items()},
        )
        for number, unit in enumerate(units)
    ]


def _drawn(settings: Settings, model: str, tap: str, units: Sequence[int]) -> dict[str, Tensor]:
    """Nine pictures of each unit on each side, from nine seeds, (units, 9, 3, H, W)."""
    asked = {name: getattr(settings, name) for name in ("method", "steps") if getattr(settings, name) is not None}
    found = {}
    with drawing.connected(settings.server, settings.models, settings.device) as client:
        pixels = _in_pixels(client, settings.method)
        if settings.prior is not None and not pixels:
            asked["prior"] = settings.prior
        for side, weight in zip(SIDES, (1.0, -1.0), strict=True):
            targets = [Term(Unit(model, tap, unit), weight) for unit in units]
            label = f"{side} pictures"
            drawn = drawing.draw(client, targets, label, variants=REFERENCES, pixels=pixels, seed=settings.seed, concurrency=8, **asked)
            found[side] = drawn.images.unflatten(0, (len(units), REFERENCES))
    return found


def _in_pixels(client: Client, method: str | None) -> bool:
    return method is not None and any(known.name == method and known.pixels for known in client.methods())


def _scores(observer: Network, pictures: Photographs, explained: Sequence[Explained]) -> dict[str, Tensor]:
    """The evidence in each trial of each unit, (units, trials), for both ways to explain."""
    tap = quality.before_output(observer)
    seen = _look(observer, tap, pictures.pixels, f"{observer.name} looks at photographs")
    found: dict[str, list[Tensor]] = {way: [] for way in WAYS}
    for one in tqdm(explained, f"{observer.name} looks at pictures", disable=None, leave=False):
        drawn = torch.cat([_look(observer, tap, one.drawn[side]) for side in SIDES])
        each = one.trials
        shown = torch.cat([each.maximizing, each.minimizing], 1)
        for way in WAYS:
            references = [drawn if way == "synthetic" else seen[shown[number]] for number in range(len(shown))]
            asked = [similarities(seen[queries], known) for queries, known in zip(each.queries, references, strict=True)]
            found[way].append(torch.stack([evidence(similarity, REFERENCES) for similarity in asked]))
    return {way: torch.stack(values) for way, values in found.items()}


def _report(settings: Settings, target: Network, tap: str, explained: Sequence[Explained], found: Mapping[str, Tensor]) -> dict[str, Any]:
    right = {way: rights(values) for way, values in found.items()}
    means = {way: values.mean(1) for way, values in right.items()}
    difference = means["synthetic"] - means["exemplars"]
    return {
        "target": f"{target.name}:{tap}",
        "observer": settings.observer,
        "method": settings.method,
        "steps": settings.steps,
        "units": len(explained),
        "trials": settings.trials,
        "score": {way: round(values.mean().item(), 4) for way, values in means.items()},
        "difference": round(difference.mean().item(), 4),
        "standard_error": {
            **{way: _error(values) for way, values in means.items()},
            "difference": _error(difference),
        },
        "by_unit": [
            {"unit": one.unit, "name": one.name, **{way: round(means[way][number].item(), 4) for way in WAYS}}
            for number, one in enumerate(explained)
        ],
    }


def _error(values: Tensor) -> float:
    """The standard error of a mean over units."""
    return round((values.std() / len(values) ** 0.5).item(), 4) if len(values) > 1 else 0.0
