"""What a server says of a search: pictures to show, generations, how far it is; and the optimizers there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ._catalog import Option
from ._picture import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SearchEnding = Literal["pictures", "patience", "score", "unknown"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SearchPicture(Picture):
    """A picture to show.

    Attributes:
        number: Its number within the search.
        generation: Its generation, from 0.
        reference: Which of the references it is, from 0; None: it is a picture of the search.
    """

    number: int
    generation: int
    reference: int | None = None

    @property
    def code(self) -> NDArray[np.float32]:
        """The code that it was drawn of; a reference has none."""
        code: NDArray[np.float32] = self._part("code")
        return code

    @property
    def name(self) -> str:
        """A file name without its suffix: generation, number, and whether it is a reference."""
        kind = "" if self.reference is None else f"-reference{self.reference:03}"
        return f"generation{self.generation:04}-picture{self.number:06}{kind}"

    def __repr__(self) -> str:
        return f"<SearchPicture {self.number} of generation {self.generation}, {self._pixels()}>"


@dataclass(frozen=True)
class Generation:
    """A generation's scores, the repeats of a picture averaged; None where there was none.

    Attributes:
        number: Its number, from 0.
        scored: Its pictures that have a score, references not counted.
        missing: Its pictures that have none.
        mean: The pictures' mean score.
        best: Their best score.
        reference_mean: The references' mean score.
        reference_best: Their best score.
    """

    number: int
    scored: int
    missing: int
    mean: float | None
    best: float | None
    reference_mean: float | None
    reference_best: float | None


@dataclass(frozen=True)
class SearchState:
    """How far a search is.

    Attributes:
        name: Its name on the server.
        prior: The prior that draws; None: a spectrum is searched.
        optimizer: The optimizer's name.
        options: The optimizer's options.
        seed: Its seed.
        repeats: How often each picture is shown.
        population: Pictures in a generation.
        dimensions: Values that are searched.
        max_pictures: How many it may show.
        generations_done: Generations that are done.
        pictures_done: Pictures that have answers, references not counted.
        waiting: Pictures of the present generation that wait for scores.
        ending: Why it is over: "pictures", "patience" or "score"; None: it is not.
        best_score: The best picture's mean score.
        best_picture: Its number.
        history: The generations that are done.
    """

    name: str
    prior: str | None
    optimizer: str
    options: Mapping[str, float]
    seed: int
    repeats: int
    population: int
    dimensions: int
    max_pictures: int
    generations_done: int
    pictures_done: int
    waiting: int
    ending: SearchEnding | None
    best_score: float | None
    best_picture: int | None
    history: tuple[Generation, ...] = ()


@dataclass(frozen=True)
class Optimizer:
    """A way to search.

    Attributes:
        name: The keyword `optimizer` of `Client.search`.
        description: What it does.
        citation: The publication it follows.
        options: What can be tuned.
    """

    name: str
    description: str
    citation: str
    options: tuple[Option, ...] = ()
