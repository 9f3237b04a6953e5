"""Search: one search's present state. All of it follows from its spec and the answers, so only those are kept on disk.

Rules: a generation begins when all pictures of the one before have an answer, a score or "missing". The optimizer then sees the scores
once, in the order of its points. A score that comes for a missing picture later is kept and may be the best, but guides nothing more.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from dgnam_server.search.generations import Shown, Summary, Values, score, shown, summary
from dgnam_server.search.optimizers import OPTIMIZERS
from dgnam_server.search.optimizers.optimizer import Origin
from dgnam_server.search.space import Space
from dgnam_server.search.spec import SearchSpec


class Ending(Enum):
    """Why a search is over."""

    PICTURES = "pictures"
    PATIENCE = "patience"
    SCORE = "score"


@dataclass(frozen=True)
class Answer:
    """What a client tells of one picture; no values: its scores are missing."""

    picture: int
    values: Values


@dataclass(frozen=True)
class Problem:
    """What is wrong with the answer `index` of those told together; `unknown`: no such picture was ever shown."""

    index: int
    text: str
    unknown: bool = False


@dataclass(frozen=True, eq=False)
class Best:
    """The picture with the best mean score: its number, score, generation and code (C,)."""

    picture: int
    score: float
    generation: int
    code: np.ndarray


class Search:
    """A search with its optimizer. Not for several threads at once."""

    def __init__(self, spec: SearchSpec, space: Space) -> None:
        entry = OPTIMIZERS[spec.optimizer]
        random = np.random.default_rng((spec.seed, 0))
        self.spec, self.space = spec, space
        self.answers: dict[int, Values] = {}
        self.history: list[Summary] = []
        self.best: Best | None = None
        self.ending: Ending | None = None
        self.pictures: tuple[Shown, ...] = ()  # of the present generation
        self._optimizer = entry.make(_origin(spec, space, random), spec.options)
        self._points = np.empty((0, space.dimensions))
        self._late: dict[int, tuple[Shown, np.ndarray]] = {}  # pictures whose scores are missing, with their codes
        self._begin()

    @property
    def generation(self) -> int:
        """The present one's number."""
        return len(self.history)

    @property
    def done(self) -> int:
        """Pictures of the search, references not counted, that have answers."""
        present = sum(picture.number in self.answers for picture in self.pictures if not picture.is_reference)
        return self._done_before + (0 if self.ending else present)

    @property
    def waiting(self) -> tuple[Shown, ...]:
        """Pictures of the present generation without an answer, in the order to show them."""
        return () if self.ending else tuple(picture for picture in self.pictures if picture.number not in self.answers)

    @property
    def mark(self) -> float:
        """A number that tells this generation's points from others."""
        return float(np.abs(self._points).sum())

    def codes(self, pictures: Iterable[Shown]) -> np.ndarray:
        """The codes of pictures of the present generation, (N, C) float32."""
        return self.space.codes(self._points[[picture.index for picture in pictures]])

    def problems(self, answers: Sequence[Answer]) -> list[Problem]:
        """What is wrong with answers told together; none of them may be taken in then."""
        found, seen = [], set()
        for index, answer in enumerate(answers):
            if answer.picture in seen:
                found.append(Problem(index, f"picture {answer.picture} is here twice: give all its values in one score"))
            elif not self._wanted(answer.picture):
                found.append(self._not_wanted(index, answer.picture))
            elif not answer.values and answer.picture in self.answers:
                found.append(Problem(index, f"picture {answer.picture} was said to be missing before"))
            if len(answer.values) > self.spec.repeats:
                found.append(Problem(index, f"{len(answer.values)} values are more than the {self.spec.repeats} times that it is shown"))
            if wrong := [value for value in answer.values if not math.isfinite(value)]:
                found.append(Problem(index, f"{wrong[0]} is not a finite number: say `missing` where there is no score"))
            seen.add(answer.picture)
        return found

    def is_late(self, picture: int) -> bool:
        """Whether the picture is of a generation that is done."""
        return picture in self._late

    def tell(self, answers: Sequence[Answer]) -> Summary | None:
        """Take in answers without problems; what the generation came to, if they completed it."""
        for answer in answers:
            late = self._late.pop(answer.picture, None)
            self.answers[answer.picture] = answer.values
            if late is not None:
                self._consider(late[0], late[1])
        if self.waiting or self.ending:
            return None
        return self._complete()

    def _wanted(self, number: int) -> bool:
        """Whether a picture was shown and has no score."""
        present = self.pictures and self.pictures[0].number <= number <= self.pictures[-1].number
        return number in self._late or bool(present and not self.ending and not self.answers.get(number))

    def _not_wanted(self, index: int, number: int) -> Problem:
        if number in self.answers:
            return Problem(index, f"picture {number} has its scores already; did another client tell them?")
        last = self.pictures[-1].number if self.pictures else 0
        return Problem(index, f"the search has shown no picture {number}; the last is {last}", unknown=True)

    @property
    def _done_before(self) -> int:
        """Pictures of the generations that are done, references not counted."""
        return sum(one.scored + one.missing for one in self.history)

    def _begin(self) -> None:
        """The next generation."""
        left = self.spec.max_pictures - self._done_before
        first = self.pictures[-1].number + 1 if self.pictures else 0
        self._points = self._optimizer.ask()[:left]
        self.pictures = shown(self.spec, self.generation, first, len(self._points))

    def _complete(self) -> Summary:
        codes, scores = self.space.codes(self._points), np.full(len(self._points), np.nan)
        for picture in self.pictures:
            value = score(self.answers[picture.number])
            if picture.is_reference:
                continue
            if value is None:
                self._late[picture.number] = (picture, codes[picture.index])
            else:
                scores[picture.index] = value
                self._consider(picture, codes[picture.index])
        done = summary(self.generation, self.pictures, self.answers)
        self.history.append(done)
        self.ending = self._over(done)
        if self.ending is None:
            self._optimizer.tell(scores)
            self._begin()
        return done

    def _consider(self, picture: Shown, code: np.ndarray) -> None:
        """Whether a picture is the best so far; of equals the first is."""
        value = score(self.answers[picture.number])
        if value is not None and (self.best is None or value > self.best.score):
            self.best = Best(picture.number, value, picture.generation, code)

    def _over(self, done: Summary) -> Ending | None:
        if self.spec.stop_score is not None and done.best is not None and done.best >= self.spec.stop_score:
            return Ending.SCORE
        if self._done_before >= self.spec.max_pictures:
            return Ending.PICTURES
        means = [-math.inf if one.mean is None else one.mean for one in self.history]
        if self.spec.patience and len(means) - 1 - int(np.argmax(means)) >= self.spec.patience:
            return Ending.PATIENCE
        return None


def replayed(spec: SearchSpec, space: Space, answers: Mapping[int, Values], late: Sequence[Answer], marks: Mapping[int, float]) -> Search:
    """The search that these answers lead to.

    Args:
        answers: by picture, those that came in their generation.
        late: those that came after it, in their order.
        marks: of the generations, as they were when the answers came.

    Raises:
        ReplayError: a generation has other points than it had.
    """
    search = Search(spec, space)
    while True:
        known = marks.get(search.generation, search.mark)
        if not math.isclose(known, search.mark, rel_tol=1e-6):
            raise ReplayError(search.generation)
        told = [Answer(picture.number, answers[picture.number]) for picture in search.waiting if picture.number in answers]
        if not told or search.tell(told) is None:
            break
    search.tell(late)
    return search


class ReplayError(Exception):
    """Generation `generation` cannot be drawn again as it was."""

    def __init__(self, generation: int) -> None:
        super().__init__(f"generation {generation} has other points than before")
        self.generation = generation


def _origin(spec: SearchSpec, space: Space, random: np.random.Generator) -> Origin:
    size = int(spec.options["population"])
    if spec.start == "draws":
        points = space.points(space.draw(size, spec.seed))
        return Origin(points, points[0], spec.generations, random)
    centre = space.points(np.array([spec.start_code]))[0] if spec.start == "code" else np.zeros(space.dimensions)
    points = centre + random.standard_normal((size, space.dimensions))
    if spec.start == "code":
        points[0] = centre
    return Origin(points, centre, spec.generations, random)
