"""Settings: what `evaluate` is asked to draw and to measure, and what can be seen to be wrong with that beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dgnam_models
from dgnam_models.card import CardError, ModelCard


@dataclass(frozen=True)
class Settings:
    """The options of `dgnam-models evaluate`."""

    target: str  # the classifier whose output units are drawn
    judge: Sequence[str]  # classifiers that judge
    prior: Sequence[str]  # empty: the server's default
    out: Path
    val: Sequence[Path] = ()  # held-out photographs
    data: Sequence[Path] = ()  # those trained on
    val_limit: int | None = None  # about so many of either, evenly spread; None: all
    data_limit: int | None = None
    pixels: Sequence[str] = ()  # methods that draw in pixels, without a prior
    units: Sequence[str] = ()  # output units by label or number; empty: all
    seeds: int = 3  # pictures of each unit
    sheet: int | None = None  # pictures on a sheet without names; None: all on one
    method: str | None = None  # None, here and below: the server's, the method's or the prior's default
    steps: int | None = None
    bound_multiplier: float | None = None
    start_learning_rate: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # further ones of the method that draws with a prior
    models: Sequence[Path] = ()  # packs
    server: str | None = None  # None: one is started here
    device: str = "cpu"


def problems(settings: Settings) -> list[str]:
    """Everything that can be seen to be wrong with the settings before anything is drawn or read."""
    found = [f"--val, --data: {path} does not exist" for path in [*settings.val, *settings.data] if not path.exists()]
    if settings.data and not settings.val:
        found.append("--data needs --val: held-out photographs show how close to a training image is close")
    limits = (("--val-limit", settings.val_limit), ("--data-limit", settings.data_limit), ("--sheet", settings.sheet))
    found += [f"{name} is {limit}; it starts at 1" for name, limit in limits if limit is not None and limit < 1]
    if settings.seeds < 1:
        found.append(f"--seeds is {settings.seeds}; it starts at 1")
    if settings.out.exists() and not settings.out.is_dir():
        found.append(f"--out: {settings.out} is not a folder")
    try:
        cards = dgnam_models.cards(settings.models)
    except CardError as error:
        return [*found, f"--models: {error}"]
    roles = [("--target", settings.target, "classifier")]
    roles += [("--judge", name, "classifier") for name in settings.judge] + [("--prior", name, "prior") for name in settings.prior]
    unknown = [(argument, name, role) for argument, name, role in roles if name not in cards or cards[name].role != role]
    for argument, name, role in unknown:
        there = ", ".join(sorted(card.name for card in cards.values() if card.role == role))
        found.append(f"{argument}: {name!r} is not a {role}; there are {there}")
    return found if unknown else found + _misfits(settings, cards)


def _misfits(settings: Settings, cards: Mapping[str, ModelCard]) -> list[str]:
    """What is wrong between models that are there."""
    found, target = [], cards[settings.target]
    if not target.labels:
        found.append(f"--target: the units of {target.name} have no labels to judge by")
    for judge in (cards[name] for name in settings.judge):
        if not set(judge.labels) & set(target.labels):
            found.append(f"--judge: {judge.name} has none of the labels of {target.name}")
    for prior in (cards[name] for name in settings.prior):
        if prior.code is not None and prior.code.encoder not in cards:
            found.append(f"--prior: {prior.code.encoder}, the encoder of {prior.name}, is missing; give its pack to --models")
    if len({cards[name].preprocessing.size for name in settings.prior}) > 1:
        found.append("--prior: they draw pictures of different sizes; evaluate them one by one")
    return found
