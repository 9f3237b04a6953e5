"""Sweeps: options with several values each, every combination of which is drawn, and which combination did best."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._errors import InvalidRequestError
from .printing import table

# Words that may be swept beside a method's own options. What is read off a unit may not: such numbers do not compare.
SWEPT_WORDS = ("method", "prior", "size", "balance")
MAX_SETTINGS = 1000
Setting = Mapping[str, str]


def settings(sweeps: Sequence[str]) -> list[Setting]:
    """Every combination of the values of `option=a,b,c`; without a sweep, the one setting in which nothing is set.

    Raises:
        InvalidRequestError: A sweep is malformed, names an option a second time, or there are too many combinations.
    """
    axes: dict[str, list[str]] = {}
    wrong = []
    for text in sweeps:
        name, equals, values = text.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        found = list(dict.fromkeys(value.strip() for value in values.split(",")))
        if not (name and equals and all(found)):
            wrong.append(f"--sweep {text}: write an option and its values, as in --sweep steps=50,100,200")
        elif name in axes:
            wrong.append(f"--sweep {text}: {name} is swept already: write all its values in one --sweep")
        elif name in ("seed", "variants", "readout", "start"):
            hint = {"seed": "--variants draws several", "variants": "it holds for all settings", "readout": "its numbers do not compare"}
            wrong.append(f"--sweep {text}: {name} cannot be swept: {hint.get(name, 'give it as an option')}")
        else:
            axes[name] = found
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if not wrong else []
    if len(combinations) > MAX_SETTINGS:
        wrong.append(f"--sweep: {len(combinations)} combinations are more than {MAX_SETTINGS}")
    if wrong:
        raise InvalidRequestError("; ".join(wrong))
    return list(combinations)


def described(setting: Setting) -> str:
    """A setting as text: `steps 50, decay 0.1`; empty where nothing is swept."""
    return ", ".join(f"{name} {value}" for name, value in setting.items())


@dataclass(frozen=True)
class Scored:
    """A picture of a sweep: its setting, its activation, and what the judge reads, where there is one."""

    setting: Setting
    activation: float
    judged: float | None = None


def ranked(pictures: Sequence[Scored]) -> list[tuple[Setting, float, float | None, int]]:
    """The settings, best first by the mean activation: setting, mean activation, mean reading of the judge, pictures."""
    by_setting: dict[tuple[str, ...], list[Scored]] = {}
    for picture in pictures:
        by_setting.setdefault(tuple(picture.setting.values()), []).append(picture)
    rows = []
    for group in by_setting.values():
        judged = [picture.judged for picture in group if picture.judged is not None]
        mean = statistics.fmean(picture.activation for picture in group)
        rows.append((group[0].setting, mean, statistics.fmean(judged) if judged else None, len(group)))
    return sorted(rows, key=lambda row: -row[1])


def ranking(pictures: Sequence[Scored], quantity: str, judge: str | None) -> list[str]:
    """The settings as a table, best first."""
    rows = [
        (str(place), *setting.values(), f"{mean:.4g}", *(["-" if judged is None else f"{judged:.1%}"] if judge else []), str(count))
        for place, (setting, mean, judged, count) in enumerate(ranked(pictures), 1)
    ]
    if not rows:
        return []
    head = ("RANK", *(name.upper() for name in pictures[0].setting), f"MEAN {quantity.upper()}")
    return table((*head, *([judge.upper()] if judge else []), "PICTURES"), rows)
