"""Ranking a code prior's draws for one target, a chunk at a time, so that nobody waits for all of them."""

from collections.abc import Hashable

import torch
from torch import Tensor

from dgnam_server.engine.draw_cache import DrawCache
from dgnam_server.engine.pieces import Pieces
from dgnam_server.synth import draws
from dgnam_server.synth.draws import Drawn, Judge, Place, Ranking
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import SynthesisSpec

_AGAIN = 1  # the seed of the draws towards a target; the first ones have 0


class DrawRanking:
    """Finds `ranking`, which is None until every chunk is judged: of the prior's draws, then of those towards the target.

    Args:
        cache: holds what networks gave, but for whole maps, which are too large.
        at_once: how many draws networks look at together, for want of memory; None: a chunk.
    """

    def __init__(self, problem: Problem, spec: SynthesisSpec, cache: DrawCache, at_once: int | None = None) -> None:
        self.ranking: Ranking | None = None
        self._problem, self._name, self._cache = problem, spec.prior, cache
        self._first, self._redraws = Drawn(draws.code_prior(problem), spec.start_draws), spec.start_redraws
        self._again: Drawn | None = None  # known once the first ones are judged
        self._judge = Judge(problem, spec)
        self._pieces = Pieces(at_once)
        self._found: list[Tensor] = []  # (CHUNK, T) each
        self._best = -float("inf")

    @property
    def judged(self) -> int:
        """Chunks done."""
        return len(self._found)

    @property
    def best(self) -> float:
        """The largest weighted sum of activations so far."""
        return self._best

    def advance(self, look: bool) -> None:
        """Judge the chunks that the cache knows; where it does not know one, have the networks look at it if `look`, and stop there."""
        while self.ranking is None and (found := self._seen(look)) is not None:
            seen, looked = found
            activation = self._judge.terms(seen)
            self._found.append(activation)
            self._best = max(self._best, float(self._judge.sums(activation).nan_to_num(nan=-torch.inf).max()))
            if self.judged == self._first.chunks and self._redraws:
                towards = draws.towards(self._first.prior, self._judge.values(self._activations()))
                self._again = Drawn(towards, self._redraws, _AGAIN)
            if self.judged == sum(each.chunks for each in self._drawn):
                self.ranking = self._ranked()
            look = look and not looked

    def _seen(self, look: bool) -> tuple[dict[Place, Tensor], bool] | None:
        """What the networks gave for the next chunk, and whether they had to look; None: it is not known, and they may not."""
        drawn, number, which = self._next()
        keys = {place: (self._name, place, which, number) for place in self._judge.places}
        known = {place: value for place, key in keys.items() if (value := self._cache.get(key)) is not None}
        if not (missing := [place for place in keys if place not in known]):
            return known, False
        if not look:
            return None
        codes = drawn.prior.chunk(number, drawn.seed)
        looks = self._pieces.run(len(codes), lambda piece: draws.look(self._problem, codes[piece.start : piece.stop], missing))
        new = {place: torch.cat([found[place] for found in looks]) for place in missing}
        for place, value in new.items():
            if not place.whole:
                self._cache.put(keys[place], value)
        return known | new, True

    @property
    def _drawn(self) -> list[Drawn]:
        return [self._first] if self._again is None else [self._first, self._again]

    def _next(self) -> tuple[Drawn, int, Hashable]:
        """The chunk to judge next: of which draws, its number among them, and what tells these draws from others of the prior."""
        if self._again is None:
            return self._first, self.judged, None
        condition = self._again.prior.condition
        which = () if condition is None else (condition.value, condition.slope.cpu().numpy().tobytes())
        return self._again, self.judged - self._first.chunks, which

    def _activations(self) -> Tensor:
        """The terms' of all draws judged so far, (N, T), without what the last chunk of each kind has beyond their number."""
        first = self._found[: self._first.chunks], self._first.count
        again = self._found[self._first.chunks :], self._redraws
        return torch.cat([torch.cat(found)[:count] for found, count in (first, again) if found])

    def _ranked(self) -> Ranking:
        activation = self._activations()
        values, sums = (each.cpu().numpy() for each in (self._judge.values(activation), self._judge.sums(activation)))
        return Ranking(self._drawn, values, sums)
