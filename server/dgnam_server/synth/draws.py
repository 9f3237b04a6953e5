"""Draws of a code prior, and what a target makes of them: where an ascent may start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from dgnam_models.code_prior import CHUNK, CodePrior
from torch import Tensor

from dgnam_server.synth import ascent, objectives
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, Source
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import SynthesisSpec, Term

RARITY = 1e-3  # one draw in a thousand is liked as much as those towards a target would be, if the target were linear


@dataclass(frozen=True)
class Place:
    """What of a tap's activations is needed: a map's means, its values at `position` (y, x), or all of it."""

    source: Source
    position: tuple[int, int] | None = None
    whole: bool = False

    def read(self, tap: Tensor) -> Tensor:
        """Activations of the tap (B, C, H, W) or (B, C) -> those needed, (B, C) float32, of the whole tap as it is."""
        if tap.ndim == 2 or self.whole:
            return tap.float()
        if self.position is None:
            return tap.float().mean((2, 3))
        return tap[:, :, self.position[0], self.position[1]].float()


def place_of(term: Term) -> Place:
    """What a term reads; its unit is not part of it, so all units of a tap share what is known of draws."""
    source = term.unit.model, term.unit.tap
    whole = objectives.OBJECTIVES[term.readout].wanted is not None
    return Place(source, whole=True) if whole else Place(source, term.unit.position)


def code_prior(problem: Problem) -> CodePrior:
    """What the problem's generator draws codes from."""
    return cast(GeneratorPrior, problem.prior).code_prior


@torch.no_grad()
def look(problem: Problem, codes: Tensor, places: Sequence[Place]) -> dict[Place, Tensor]:
    """What the networks of `places` give for the pictures of codes (B, D), (B, ...) float32 each."""
    names = {place.source[0] for place in places}
    seeing = replace(problem, networks=tuple(network for network in problem.networks if network.name in names))
    image = problem.prior.draw(codes)
    found = seeing.read(image, tuple({place.source: None for place in places}))
    return {place: place.read(found[place.source]) for place in places}


class Judge:
    """Reads a spec's terms off what the networks gave for draws."""

    def __init__(self, problem: Problem, spec: SynthesisSpec) -> None:
        self.places = tuple({place_of(term): None for term in spec.terms})
        rows = ascent.init(problem, spec, 0, problem.prior.random_code(0, spec.settings))
        numbers = [[self.places.index(place_of(term)) for term in spec.terms]]
        anywhere = torch.full_like(rows.y, -1)  # each place is read already, and has no more positions
        self._row = replace(rows, source=torch.tensor(numbers, device=rows.source.device), y=anywhere, x=anywhere)
        self._value = objectives.VALUES[spec.balance]

    def terms(self, found: Mapping[Place, Tensor]) -> Tensor:
        """The terms' activations of some draws, (B, T)."""
        seen = [found[place] for place in self.places]
        return objectives.term_activations(seen, self._rows(len(seen[0])))

    def values(self, activation: Tensor) -> Tensor:
        """How much the target likes draws with these terms' activations (N, T), (N,)."""
        return self._value(activation, self._row)

    def sums(self, activation: Tensor) -> Tensor:
        """The weighted sums of terms' activations (N, T), (N,), as a result tells its own."""
        return objectives.weighted_sum(activation, self._row)

    def _rows(self, count: int) -> Rows:
        return self._row.select([0] * count)


def towards(prior: CodePrior, values: Tensor) -> CodePrior:
    """The prior's draws for which a target's liking of its first ones, `values` (N,), would be as rare as `RARITY`, if it were linear.

    The slope of that line is `cov(z_k, value) / var(z_k)` along each direction k, the least squares' one where directions are not
    correlated, as principal components are not. Such draws are what a round of the cross-entropy method draws next (Rubinstein 1999).
    Values that are not finite do not count.
    """
    liked = values.double()
    known = liked.isfinite()
    if known.sum() < 2:
        return prior
    liked = torch.where(known, liked - liked[known].mean(), 0.0)
    total, squares, products = (torch.zeros(len(prior.scale), dtype=torch.double, device=liked.device) for _ in range(3))
    for number, (value, counts) in enumerate(zip(liked.split(CHUNK), known.split(CHUNK), strict=True)):
        z = prior.latents(number)[: len(value)].double() * counts[:, None]
        total, squares, products = total + z.sum(0), squares + z.square().sum(0), products + value @ z
    variation = squares - total.square() / known.sum()
    return prior.given((products / variation.clamp_min(1e-30)).float(), RARITY)


@dataclass(frozen=True, eq=False)
class Drawn:
    """The first `count` codes that a prior draws with a seed."""

    prior: CodePrior
    count: int
    seed: int = 0

    @property
    def chunks(self) -> int:
        """In how many chunks they come."""
        return -(-self.count // CHUNK)

    def code(self, number: int) -> Tensor:
        """One of them, (1, D)."""
        return self.prior.chunk(number // CHUNK, self.seed)[number % CHUNK, None]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Draws in the order in which a target likes them.

    Attributes:
        drawn: the first draws, and then those towards the target, if there are any.
        values: (N,), how much it likes each, one after another; NaN counts as least.
        sums: (N,), the weighted sum of each one's activations.
    """

    drawn: Sequence[Drawn]
    values: np.ndarray
    sums: np.ndarray

    @cached_property
    def centres(self) -> np.ndarray | None:
        """(N,), which centre of a mixture each was drawn about; None: they have none."""
        if not self.drawn[0].prior.is_mixture:
            return None
        return np.concatenate([each.prior.centres_of(each.count, each.seed) for each in self.drawn])

    @cached_property
    def order(self) -> np.ndarray:
        """The draws' numbers, the best first; of equals the earlier."""
        return np.argsort(-np.nan_to_num(self.values, nan=-np.inf), kind="stable")

    @cached_property
    def ranks(self) -> np.ndarray:
        """The places in `order`, from 0, of the draws to start from: the best about each centre, so that starts are of different kinds."""
        if self.centres is None:
            return np.arange(len(self.order))
        return np.sort(np.unique(self.centres[self.order], return_index=True)[1])

    def rank(self, seed: int) -> int:
        """The rank from 0 of the draw that this seed starts from: seed 0 from the best, 1 from the next of another centre, and so on."""
        return int(self.ranks[seed % len(self.ranks)])

    def percentile(self, activation: float) -> float:
        """Of how many of the first draws, in percent, a picture's weighted sum of activations is above theirs."""
        return 100 * float(np.mean(self.sums[: self.drawn[0].count] < activation))

    def code(self, rank: int) -> Tensor:
        """The code of this rank, (1, D)."""
        number = int(self.order[rank])
        for each in self.drawn:
            if number < each.count:
                return each.code(number)
            number -= each.count
        raise IndexError(rank)
