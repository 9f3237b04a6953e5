"""A lane is one device batch: rows join, step together and leave at iteration boundaries.

Rules: only the engine's device thread touches a lane. Slot i on the host describes row i on the device. The host counts steps
itself, so that nothing is read back from the device except what somebody is about to be told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from dgnam_server.engine.job import Ending, Event, Failed, Failure, Finished, Progress
from dgnam_server.synth import ascent
from dgnam_server.synth.ascent import Seen
from dgnam_server.synth.objectives import term_activations, weighted_sum
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, concat
from dgnam_server.synth.spec import SynthesisSpec


@dataclass
class Slot:
    """Whose row this is, and how far it is."""

    job: int
    variant: int
    total: int
    preview_interval: int
    step: int = 0


@dataclass
class Lane:
    """The running batch of one key."""

    problem: Problem
    slots: list[Slot] = field(default_factory=list)
    rows: Rows | None = None
    told_at: float = 0.0  # when the engine last passed on its progress
    _part: int | None = None  # the most rows stepped at once, after the device ran out of memory

    def __len__(self) -> int:
        return len(self.slots)

    def join(self, job: int, spec: SynthesisSpec, variant: int, start: Tensor | None) -> None:
        """Add a row; it takes part from the next step on."""
        row = ascent.init(self.problem, spec, variant, start)
        self.rows = row if self.rows is None else concat([self.rows, row])
        self.slots.append(Slot(job, variant, spec.steps, spec.preview_interval))

    def leave(self, job: int) -> int:
        """Take a job's rows out, finished or not; returns how many there were."""
        return self._keep([i for i, slot in enumerate(self.slots) if slot.job != job])

    def step(self, look: bool) -> list[tuple[int, Event]]:
        """One iteration of every row; finished rows leave.

        Args:
            look: read every row's activation back and look for rows whose gradient vanished.

        Returns:
            (job, event): a Progress per row when looking, or where a preview is due, and a Finished or Failed per row that left.
        """
        assert self.rows is not None
        self.rows, seen = self._advance(self.rows)
        for slot in self.slots:
            slot.step += 1
        stopped = self.rows.stopped.tolist() if look else [-1] * len(self)
        done = [i for i, slot in enumerate(self.slots) if slot.step >= slot.total or stopped[i] >= 0]
        events = self._progress(seen, look)
        if done:
            events += self._finish(seen, done)
            self._keep([i for i in range(len(self)) if i not in set(done)])
        return events

    def _advance(self, rows: Rows) -> tuple[Rows, Seen]:
        """`ascent.step`; out of memory halves the batch and tries again (SERVING.md), from then on in parts of that size."""
        part = self._part or len(rows)
        try:
            steps = [ascent.step(self.problem, rows.select(range(i, min(i + part, len(rows))))) for i in range(0, len(rows), part)]
        except RuntimeError as error:
            if not out_of_memory(error) or part == 1:
                raise
            self._part = part // 2
            return self._advance(rows)
        if len(steps) == 1:
            return steps[0]
        looks = [seen for _, seen in steps]
        joined = Seen(*(torch.cat([getattr(seen, name) for seen in looks]) for name in ("image", "code", "activation")))
        return concat([after for after, _ in steps]), joined

    def _progress(self, seen: Seen, look: bool) -> list[tuple[int, Event]]:
        previews = [bool(slot.preview_interval) and slot.step % slot.preview_interval == 0 for slot in self.slots]
        if not look and not any(previews):
            return []
        assert self.rows is not None
        activations = weighted_sum(seen.activation, self.rows).tolist()
        return [
            (slot.job, Progress(slot.variant, slot.step, slot.total, activations[i], _picture(seen.image[i]) if previews[i] else None))
            for i, slot in enumerate(self.slots)
            if look or previews[i]
        ]

    def _finish(self, seen: Seen, done: Sequence[int]) -> list[tuple[int, Event]]:
        """The last event of each row in `done`, with the target's activations for the very picture, together for all of them."""
        assert self.rows is not None
        rows, image = self.rows.select(done), seen.image[done]
        finite = image.isfinite().flatten(1).all(1).tolist()
        activations = term_activations(self.problem.original_activations(image), rows, seen.activation[done])
        wholes = weighted_sum(activations, rows).tolist()
        events: list[tuple[int, Event]] = []
        for row, i in enumerate(done):
            slot, stopped, terms = self.slots[i], int(rows.stopped[row]), int(rows.real[row].sum())
            if not finite[row]:
                message = "the picture holds values that are not finite: try a smaller start code or learning rate"
                events.append((slot.job, Failed(Failure.NUMERIC, message, "running", slot.step)))
                continue
            finished = Finished(
                variant=slot.variant,
                image=_picture(image[row]),
                code=seen.code[i].cpu().numpy(),
                history=rows.history[row, : slot.step if stopped < 0 else stopped, :terms].cpu().numpy(),
                activation=wholes[row],
                term_activations=activations[row, :terms].cpu().numpy(),
                ending=Ending.STEPS_DONE if stopped < 0 else Ending.ZERO_GRADIENT,
            )
            events.append((slot.job, finished))
        return events

    def _keep(self, index: Sequence[int]) -> int:
        gone = len(self) - len(index)
        if gone and self.rows is not None:
            self.rows = self.rows.select(index) if index else None
            self.slots = [self.slots[i] for i in index]
        return gone


def out_of_memory(error: RuntimeError) -> bool:
    """Did the device, or the host's allocator, run out of memory?"""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def profile(step: Callable[[int], float], largest: int, worth: float = 0.95, rounds: int = 2) -> int:
    """How many rows should share a batch: the smallest power of two that reaches `worth` of the best rows per second.

    So no smaller size is faster, and a larger one hardly. All sizes are timed in turn, `rounds` times, and the shortest time of each
    counts: no slow moment of the machine decides.

    Args:
        step: runs one step of so many rows and returns its seconds.
        largest: never more than this.
    """
    sizes = [1 << power for power in range(largest.bit_length())]
    times = [[step(size) for size in sizes] for _ in range(rounds)]
    rates = [size / min(seconds) for size, seconds in zip(sizes, zip(*times, strict=True), strict=True)]
    return next(size for size, rate in zip(sizes, rates, strict=True) if rate >= worth * max(rates))


def _picture(image: Tensor) -> np.ndarray:
    """(3, H, W) -> (H, W, 3) float32 on the host."""
    return image.permute(1, 2, 0).float().cpu().contiguous().numpy()
