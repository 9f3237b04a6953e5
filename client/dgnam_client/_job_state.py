"""How far a job is, and which pictures it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

JobPhase = Literal["running", "paused", "done", "cancelled", "unknown"]
PicturePhase = Literal["waiting", "running", "done", "failed", "unknown"]
PictureKind = Literal["synthesis", "exemplar", "projection", "occlusion", "unknown"]


@dataclass(frozen=True, kw_only=True)
class JobState:
    """How far a job is.

    Attributes:
        id: Its name on the server.
        title: A line for people.
        phase: "running", "paused", "done" or "cancelled".
        pictures: How many pictures it has.
        done: Those that are drawn.
        failed: Those that cannot be drawn.
        running: Those that some server has in hand.
        found: Those that were drawn already, for another job, when it was begun.
        pictures_per_s: Pictures per second of late, by all servers; None: nothing can be said yet.
        remaining_s: Seconds until all are drawn, at that rate; None: nothing can be said, or nothing is being drawn.
        created_s: When it was begun, in seconds since 1970.
        finished_s: When it was over, in seconds since 1970; None: it is not.
        client: The client that began it.
        obstacle: Why nothing of it is drawn, such as a model that the server does not have; empty: nothing is in the way.
    """

    id: str
    title: str
    phase: JobPhase
    pictures: int
    done: int
    failed: int
    running: int
    found: int
    pictures_per_s: float | None
    remaining_s: float | None
    created_s: float
    finished_s: float | None
    client: str
    obstacle: str

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it unless it is resumed."""
        return self.phase in ("done", "cancelled")


@dataclass(frozen=True, kw_only=True)
class JobPicture:
    """One picture of a job, without the picture itself, which `Client.job_picture` gives.

    Attributes:
        id: Its name on the server: the same picture has the same one in every job.
        phase: "waiting", "running", "done" or "failed".
        target: Its target as an address.
        model: The network of the target's first unit.
        tap: Its tap.
        unit: Its index.
        label: Its label; empty where it has none.
        method: The method; of a projection that of projection, of the other kinds "exemplars" and "occlusion".
        prior: The prior; empty without one.
        seed: The seed; 0 of what has none.
        activation: The weighted sum of the terms' activations; beside a photograph the unit's for it. None unless it is drawn.
        percentile: Of how many photographs, in percent, the first unit's activation is above that of theirs; None where no index tells.
        ending: Why it ended, as of a Result; empty unless it is a synthesis and drawn.
        error: Why it failed; empty otherwise.
        finished_s: When it was drawn or failed, in seconds since 1970; None before that.
        height: Its height in pixels.
        width: Its width in pixels.
        kind: What it shows. "synthesis": what the target prefers. "exemplar": a photograph that excites the unit; "projection": what in it
            does; "occlusion": what of it the unit misses behind a square.
        rank: That of the photograph, from 1; 0 of a synthesis.
    """

    id: str
    phase: PicturePhase
    target: str
    model: str
    tap: str
    unit: int
    label: str
    method: str
    prior: str
    seed: int
    activation: float | None
    percentile: float | None
    ending: str
    error: str
    finished_s: float | None
    height: int
    width: int
    kind: PictureKind = "synthesis"
    rank: int = 0


@dataclass(frozen=True)
class JobPicturePage:
    """Some of the pictures that were asked for.

    Attributes:
        total: How many there are, on all pages.
        next_token: What gives the next page; empty: this is the last.
    """

    pictures: tuple[JobPicture, ...]
    total: int
    next_token: str


@dataclass(frozen=True)
class JobNews:
    """What is new of a job.

    Attributes:
        state: How far it is.
        pictures: Those that were drawn or failed since the last news.
    """

    state: JobState
    pictures: tuple[JobPicture, ...]
