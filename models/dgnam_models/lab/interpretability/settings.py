"""Settings: what `interpretability` is asked to measure, and what can be seen to be wrong with that beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dgnam_models
from dgnam_models.card import CardError


@dataclass(frozen=True)
class Settings:
    """The options of `dgnam-models interpretability`."""

    target: str  # the classifier whose units are explained
    observer: str  # a classifier that took no part
    photographs: Sequence[Path]
    out: Path
    tap: str | None = None  # None: the output tap
    units: int = 100  # evenly spread over the tap's
    trials: int = 20  # of each unit
    prior: str | None = None  # None, here and below: the server's or the method's default
    method: str | None = None
    steps: int | None = None
    page_trials: int = 40  # of the page for people
    seed: int = 0
    models: Sequence[Path] = ()  # packs
    server: str | None = None  # None: one is started here
    device: str = "cpu"


def problems(settings: Settings) -> list[str]:
    """Everything that can be seen to be wrong with the settings before anything is drawn or read."""
    found = [f"--data: {path} does not exist" for path in settings.photographs if not path.exists()]
    for name in ("units", "trials"):
        if getattr(settings, name) < 1:
            found.append(f"--{name} is {getattr(settings, name)}; it starts at 1")
    for name in ("page_trials", "seed"):
        if getattr(settings, name) < 0:
            found.append(f"--{name.replace('_', '-')} is {getattr(settings, name)}; it must not be negative")
    if settings.out.exists() and not settings.out.is_dir():
        found.append(f"--out: {settings.out} is not a folder")
    try:
        cards = dgnam_models.cards(settings.models)
    except CardError as error:
        return [*found, f"--models: {error}"]
    classifiers = {name: card for name, card in cards.items() if card.role == "classifier"}
    for argument, name in (("--target", settings.target), ("--observer", settings.observer)):
        if name not in classifiers:
            found.append(f"{argument}: {name!r} is not a classifier; there are {', '.join(sorted(classifiers))}")
    if settings.target == settings.observer:
        found.append(f"--observer: {settings.observer} is the network that is explained; choose one that took no part")
    if settings.target in classifiers and settings.tap is not None:
        taps = [tap.name for tap in classifiers[settings.target].taps]
        if settings.tap not in taps:
            found.append(f"--tap: {settings.target} has no tap {settings.tap!r}; there are {', '.join(taps)}")
    return found
