"""What a generation shows, and what its scores come to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from dgnam_server.search.spec import SearchSpec

Values = tuple[float, ...]  # a picture's scores, one for each time that it was shown; empty: missing


@dataclass(frozen=True)
class Shown:
    """A picture that wants scores: number `index` of its generation's points, or number `index` of the references."""

    number: int
    generation: int
    is_reference: bool
    index: int


@dataclass(frozen=True)
class Summary:
    """A generation that is done, over the pictures that have scores; None: none has."""

    number: int
    scored: int
    missing: int
    mean: float | None
    best: float | None
    reference_mean: float | None
    reference_best: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Its fields by name."""
        return asdict(self)


def shown(spec: SearchSpec, generation: int, first: int, points: int) -> tuple[Shown, ...]:
    """The pictures of a generation in the order to show them: its points with references among them.

    The references take turns; their places are drawn from the search's seed.

    Args:
        first: the number of its first picture.
        points: how many points it has.
    """
    count = spec.references_per_generation
    references = [(True, (generation * count + i) % len(spec.references)) for i in range(count)]
    pictures = [*((False, i) for i in range(points)), *references]
    order = np.random.default_rng((spec.seed, generation, 1)).permutation(len(pictures)) if count else np.arange(len(pictures))
    return tuple(Shown(first + place, generation, *pictures[i]) for place, i in enumerate(order.tolist()))


def summary(number: int, pictures: Sequence[Shown], answers: Mapping[int, Values]) -> Summary:
    """What the pictures' scores come to; a picture's score is the mean of its values."""
    own = [score(answers[picture.number]) for picture in pictures if not picture.is_reference]
    scored = [value for value in own if value is not None]
    references = [value for picture in pictures if picture.is_reference and (value := score(answers[picture.number])) is not None]
    return Summary(
        number=number,
        scored=len(scored),
        missing=len(own) - len(scored),
        mean=float(np.mean(scored)) if scored else None,
        best=max(scored, default=None),
        reference_mean=float(np.mean(references)) if references else None,
        reference_best=max(references, default=None),
    )


def score(values: Values) -> float | None:
    """A picture's score; None: it is missing."""
    return float(np.mean(values)) if values else None
