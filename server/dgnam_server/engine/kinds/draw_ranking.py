"""Ranking a code prior's draws for one target, a chunk at a time, so that nobody waits for all of them."""

import torch
from dgnam_models.code_prior import CHUNK
from torch import Tensor

from dgnam_server.engine.draw_cache import DrawCache
from dgnam_server.engine.pieces import Pieces
from dgnam_server.synth import draws
from dgnam_server.synth.draws import Judge, Place, Ranking
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import SynthesisSpec


def chunks(count: int) -> int:
    """How many chunks so many draws are."""
    return -(-count // CHUNK)


class DrawRanking:
    """Finds `ranking`, which is None until every chunk is judged.

    Args:
        cache: holds what networks gave, but for whole maps, which are too large.
        at_once: how many draws networks look at together, for want of memory; None: a chunk.
    """

    def __init__(self, problem: Problem, spec: SynthesisSpec, cache: DrawCache, at_once: int | None = None) -> None:
        self.ranking: Ranking | None = None
        self._problem, self._name, self._count, self._cache = problem, spec.prior, spec.start_draws, cache
        self._prior = draws.code_prior(problem)
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
            if self.judged == chunks(self._count):
                self.ranking = self._ranked()
            look = look and not looked

    def _seen(self, look: bool) -> tuple[dict[Place, Tensor], bool] | None:
        """What the networks gave for the next chunk, and whether they had to look; None: it is not known, and they may not."""
        keys = {place: (self._name, place, self.judged) for place in self._judge.places}
        known = {place: value for place, key in keys.items() if (value := self._cache.get(key)) is not None}
        if not (missing := [place for place in keys if place not in known]):
            return known, False
        if not look:
            return None
        codes = self._prior.chunk(self.judged)
        looks = self._pieces.run(len(codes), lambda piece: draws.look(self._problem, codes[piece.start : piece.stop], missing))
        new = {place: torch.cat([found[place] for found in looks]) for place in missing}
        for place, value in new.items():
            if not place.whole:
                self._cache.put(keys[place], value)
        return known | new, True

    def _ranked(self) -> Ranking:
        activation = torch.cat(self._found)[: self._count]
        values, sums = (each.cpu().numpy() for each in (self._judge.values(activation), self._judge.sums(activation)))
        return Ranking(self._prior, values, sums, self._prior.centres_of(self._count) if self._prior.is_mixture else None)
