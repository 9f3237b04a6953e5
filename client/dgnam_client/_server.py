"""What the server tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        max_steps: Steps of one synthesis.
        max_terms: Terms of one target.
        max_variants: Pictures of one request.
        queue_capacity: Jobs that may wait; one more is refused.
        max_batch_rows: Pictures that are drawn in one batch.
        max_message_bytes: Size of one answer.
        max_start_image_pixels: Size of a picture file in a request.
        max_pixels: Size of a picture that `synthesize_pixels` draws.
        max_request_bytes: Size of a request, its picture files included.
        max_request_pixels: Size of all picture files of a request together.
    """

    max_steps: int
    max_terms: int
    max_variants: int
    queue_capacity: int
    max_batch_rows: int
    max_message_bytes: int
    max_start_image_pixels: int
    max_pixels: int = 0
    max_request_bytes: int = 0
    max_request_pixels: int = 0


@dataclass(frozen=True)
class ServerInfo:
    """The server itself.

    Attributes:
        version: dgnam's version.
        device: The processor or GPU.
        precision: What the networks run in: "float32" or "bfloat16".
        limits: What a request may ask for.
        versions: Versions of the libraries.
        uptime_s: Seconds since it started.
    """

    version: str
    device: str
    precision: str
    limits: Limits
    versions: dict[str, str]
    uptime_s: float


@dataclass(frozen=True)
class Lane:
    """One batch in the making: pictures drawn together.

    Attributes:
        key: What they have in common.
        running_rows: Pictures being drawn.
        waiting_rows: Pictures that wait for a place.
    """

    key: str
    running_rows: int
    waiting_rows: int


@dataclass(frozen=True)
class Load:
    """How busy the server is.

    Attributes:
        queued_jobs: Jobs that wait.
        running_jobs: Jobs being worked on.
        lanes: The batches.
        finished_jobs: Since the start.
        failed_jobs: Since the start.
        cancelled_jobs: Since the start.
        draining: Whether it is shutting down.
    """

    queued_jobs: int
    running_jobs: int
    lanes: tuple[Lane, ...]
    finished_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    draining: bool
