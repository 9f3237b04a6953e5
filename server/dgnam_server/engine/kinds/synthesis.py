"""Synthesis as work: each variant is a row, which is stepped until it has done its steps or its gradient vanishes.

Rules: a row that starts from the best of many draws waits in its lane until they are ranked, without a place on the device; each iteration
judges a chunk of them. The host counts steps itself, so that nothing is read back from
the device except what somebody is about to be told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from dgnam_models.code_prior import CHUNK
from torch import Tensor

from dgnam_server.engine.draw_cache import DrawCache
from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Event, Failed, Finished, Progress
from dgnam_server.engine.kinds.draw_ranking import DrawRanking
from dgnam_server.engine.kinds.row_groups import Group, RowGroups, Slot
from dgnam_server.engine.kinds.synthesis_result import results
from dgnam_server.engine.picture import on_host
from dgnam_server.engine.pieces import Pieces
from dgnam_server.synth import ascent, parts
from dgnam_server.synth.ascent import Seen
from dgnam_server.synth.memory import array_bytes
from dgnam_server.synth.objectives import weighted_sum
from dgnam_server.synth.priors import Prior
from dgnam_server.synth.problem import Problem, Source, Structure
from dgnam_server.synth.rows import Rows, concat
from dgnam_server.synth.spec import Balance, Fit, Start, SynthesisSpec

_DRAW_BYTES = 32  # of a Ranking, for each draw beside its terms' activations


@dataclass(frozen=True)
class SynthesisKey:
    """`prior` is a generator's name, or empty; then `size` is the picture's, else (0, 0)."""

    structure: Structure
    prior: str
    size: tuple[int, int]
    sources: tuple[Source, ...]
    balance: Balance
    fit: Fit
    strict: bool

    def __str__(self) -> str:
        taps = "+".join(f"{model}:{tap}" for model, tap in self.sources)
        drawn = self.prior or f"{self.structure.prior} {self.size[0]} x {self.size[1]} ({', '.join(self.structure.parts)})"
        return f"{drawn} > {taps}, {self.balance.value}" + (", strict" if self.strict else "")


@dataclass(frozen=True, eq=False)
class Draws:
    """How a prior's draws are judged: `known` of them, for all lanes, and how many networks look at together, `at_once`."""

    known: DrawCache
    at_once: int | None = None


@dataclass(frozen=True, eq=False)
class Synthesis:
    """A spec to synthesize. The value of each Finished is a SynthesisResult.

    Attributes:
        size: height and width of its pictures.
        problem: makes what rows of this key have in common, on `device`.
    """

    spec: SynthesisSpec
    key: SynthesisKey
    size: tuple[int, int]
    row_bytes: int
    device: torch.device
    problem: Callable[[], Problem]
    draws: Draws

    @property
    def rows(self) -> int:
        """One per variant."""
        return self.spec.variants

    @property
    def steps(self) -> int:
        """The spec's, after the chunks of draws."""
        return sum(-(-count // CHUNK) for count in (self.spec.start_draws, self.spec.start_redraws)) + self.spec.steps

    @property
    def strict(self) -> bool:
        """The spec's."""
        return self.spec.strict

    @property
    def sized(self) -> bool:
        """Without a prior, callers choose the size."""
        return not self.spec.prior

    @property
    def held_bytes(self) -> int:
        """Pictures, codes and vectors to start from, to hold and to match; and what a ranking holds of each draw."""
        hole = self.spec.hole
        arrays = [self.spec.start.code, self.spec.start.image, *(() if hole is None else (hole.photo, hole.mask))]
        arrays += [array for term in self.spec.terms for array in (term.vector, term.pictures)]
        draws = (self.spec.start_draws + self.spec.start_redraws) * (array_bytes(len(self.spec.terms)) + _DRAW_BYTES)
        held: int = sum(array.nbytes for array in arrays if array is not None)
        return draws + held

    @property
    def result_bytes(self) -> int:
        """Picture, code and alpha, twice on their way into a message, their history, and a preview that waits beside them."""
        picture, alpha = array_bytes(3, *self.size), 0 if self.spec.prior else array_bytes(*self.size)
        history = array_bytes(self.spec.steps, len(self.spec.terms))
        return 4 * picture + 2 * alpha + history + (picture if self.spec.preview_interval else 0)

    def open(self) -> "SynthesisLane":
        """A lane without rows."""
        return SynthesisLane(self.problem(), self.device, self.draws)


class SynthesisLane:
    """Rows of like syntheses, stepped together."""

    def __init__(self, problem: Problem, device: torch.device, draws: Draws) -> None:
        self.problem, self.device = problem, device
        self._draws = draws
        self._groups = RowGroups()
        self._waiting: list[tuple[Slot, SynthesisSpec]] = []
        self._rankings: dict[int, DrawRanking] = {}  # by job: its rows share one
        self._pieces = Pieces()

    def __len__(self) -> int:
        return len(self._groups.slots) + len(self._waiting)

    @property
    def rows(self) -> Rows | None:
        """Those that have begun; None: none has."""
        return self._groups.rows

    def join(self, job: int, work: Synthesis, row: int) -> None:
        """Add a variant: at its start, or to wait for the draws that it is to start from."""
        spec = work.spec
        size = spec.size if any(spec.size) else self.problem.prior.size
        slot = Slot(job, row, spec.steps, spec.preview_interval, size, spec.settings)
        if not spec.start_draws:
            self._begin(slot, spec, _start_code(self.problem.prior, spec.start, self.device))
            return
        if job not in self._rankings:
            self._rankings[job] = DrawRanking(self.problem, spec, self._draws.known, self._draws.at_once)
        self._waiting.append((slot, spec))

    def _begin(self, slot: Slot, spec: SynthesisSpec, start: Tensor | None) -> None:
        self._groups.add(Group([slot], ascent.init(self.problem, spec, slot.row, start)))

    def leave(self, job: int) -> int:
        """Take a job's rows out, finished or not; returns how many there were."""
        before = len(self)
        self._rankings.pop(job, None)
        self._waiting = [(slot, spec) for slot, spec in self._waiting if slot.job != job]
        self._groups.leave(job)
        return before - len(self)

    def step(self, tell: bool, due: Due | None = None) -> list[tuple[int, Event]]:
        """One iteration of the rows that are due; finished rows leave.

        A row whose gradient vanished leaves at once on a processor, elsewhere at the next step that tells, as asking costs time there.
        """
        events = self._rank(tell, due)
        group = self._groups.take(due)
        if group is None:
            return events
        rows, seen = self._advance(group)
        slots, group = group.slots, Group(group.slots, rows)
        for slot in slots:
            slot.step += 1
        stopped = rows.stopped.tolist() if tell or self.device.type == "cpu" else [-1] * len(slots)
        done = [i for i, slot in enumerate(slots) if slot.step >= slot.total or stopped[i] >= 0]
        events += _progress(group, seen, tell)
        if done:
            events += self._finish(group, seen, done)
        self._groups.add(group.select(sorted(set(range(len(slots))) - set(done))))
        return events

    def _rank(self, tell: bool, due: Due | None) -> list[tuple[int, Event]]:
        """Judge one more chunk of draws, for whom is least far, and all that are known; begin the rows whose draws are ranked."""
        waiting = [(slot, spec) for slot, spec in self._waiting if due is None or slot.job in due.jobs]
        if not waiting:
            return []
        rankings = [self._rankings[slot.job] for slot, _ in waiting]
        min(rankings, key=lambda ranking: ranking.judged).advance(look=True)
        for ranking in rankings:
            ranking.advance(look=False)
        events: list[tuple[int, Event]] = []
        begun = set()
        for slot, spec in waiting:
            judged = self._rankings[slot.job]
            if (ranked := judged.ranking) is not None:
                rank = ranked.rank(spec.seed + slot.row)
                slot.start = ranked, rank
                self._begin(slot, spec, ranked.code(rank))
                begun.add(slot)
            elif tell and judged.judged:
                events.append((slot.job, Progress(slot.row, 0, slot.total, judged.best)))
        self._waiting = [(slot, spec) for slot, spec in self._waiting if slot not in begun]
        return events

    def _advance(self, group: Group) -> tuple[Rows, Seen]:
        rows, idle = group.rows, parts.idle(self.problem.structure.parts, [(slot.settings, slot.step) for slot in group.slots])
        steps = self._pieces.run(len(rows), lambda piece: ascent.step(self.problem, rows.select(piece), idle))
        if len(steps) == 1:
            return steps[0]
        looks = [seen for _, seen in steps]
        joined = Seen(*(torch.cat([getattr(seen, name) for seen in looks]) for name in ("image", "code", "activation")))
        return concat([after for after, _ in steps]), joined

    def _finish(self, group: Group, seen: Seen, done: Sequence[int]) -> list[tuple[int, Event]]:
        last = Seen(seen.image[done], seen.code[done], seen.activation[done])
        slots = [group.slots[i] for i in done]
        found = results(self.problem, group.rows.select(done), last, [slot.step for slot in slots], [slot.sized for slot in slots])
        return [
            (slot.job, result if isinstance(result, Failed) else Finished(slot.row, slot.with_start(result)))
            for slot, result in zip(slots, found, strict=True)
        ]


def _progress(group: Group, seen: Seen, tell: bool) -> list[tuple[int, Event]]:
    due = [i for i, slot in enumerate(group.slots) if tell or slot.preview_due]
    if not due:
        return []
    activations = weighted_sum(seen.activation, group.rows).tolist()
    events: list[tuple[int, Event]] = []
    for i in due:
        slot = group.slots[i]
        preview = on_host(slot.sized(seen.image[i])) if slot.preview_due else None
        events.append((slot.job, Progress(slot.row, slot.step, slot.total, activations[i], preview)))
    return events


def _start_code(prior: Prior, start: Start, device: torch.device) -> Tensor | None:
    """(1, D): the given code, or the given image's code; None: random."""
    if start.code is not None:
        return torch.from_numpy(start.code)[None].to(device)
    if start.image is None:
        return None
    image = torch.from_numpy(start.image).permute(2, 0, 1)[None].to(device)
    with torch.no_grad():
        return prior.encode(image)
