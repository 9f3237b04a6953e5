"""SearchSpec: a search as it was begun. Its JSON form is what is kept on disk."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

Start = Literal["mean", "draws", "code"]
Axes = Literal["components", "units", "spectrum"]
DEFAULT_PICTURES = 3000


@dataclass(frozen=True)
class SearchSpec:
    """Checked and complete.

    Attributes:
        prior: its name; empty: a spectrum is searched.
        size: height and width of the pictures.
        options: all of the optimizer's.
        start_code: of start "code" only.
        repeats: the most scores that a picture can have.
        references: the SHA-256 of each reference's file, as it was sent.
        references_per_generation: how many of them a generation shows.
        patience: 0: endless.
        stop_score: None: none is enough.
        prior_digest: SHA-256 of the prior's weight file.
        versions: of what may change what a search draws.
        created_s: seconds since 1970.
    """

    name: str
    prior: str
    size: tuple[int, int]
    axes: Axes
    optimizer: str
    options: Mapping[str, float]
    seed: int = 0
    start: Start = "mean"
    start_code: tuple[float, ...] = ()
    repeats: int = 1
    references: tuple[str, ...] = ()
    references_per_generation: int = 0
    max_pictures: int = DEFAULT_PICTURES
    patience: int = 0
    stop_score: float | None = None
    prior_digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    created_s: float = 0.0

    @property
    def population(self) -> int:
        """Pictures in a generation, but perhaps in the last."""
        return min(int(self.options["population"]), self.max_pictures)

    @property
    def generations(self) -> int:
        """How many there are at most."""
        return -(-self.max_pictures // self.population)

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Of its text."""
        values = json.loads(text)
        lists = {name: tuple(values[name]) for name in ("size", "start_code", "references")}
        return cls(**{**values, **lists})

    def difference(self, other: Self, names: set[str]) -> dict[str, str]:
        """What of the fields `names`, and of the options given as `options.NAME`, `other` wants otherwise: by field, what this has."""
        found = {}
        for name in sorted(names):
            mine, theirs = self._value(name), other._value(name)
            if mine != theirs:
                short = isinstance(mine, str | int | float) and mine != ""
                found[name] = f"this search was begun with {mine}" if short else "this search was begun with others, or without"
        return found

    def _value(self, name: str) -> object:
        field, _, option = name.partition(".")
        value: object = getattr(self, field)
        return self.options.get(option) if option else value
