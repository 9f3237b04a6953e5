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
        client_queue_capacity: Jobs of one client that may wait.
        queue_timeout_s: Seconds that a request may wait before it starts; 0: as long as it takes.
        max_memory_bytes: What requests, running rows and unread results may take together.
        max_positions: Looks in one call of `occlude` or `transform`: places of the square, changes.
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
    client_queue_capacity: int = 0
    queue_timeout_s: float = 0.0
    max_memory_bytes: int = 0
    max_positions: int = 0


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
class OwnLoad:
    """Your part of the load. The server knows a client by its certificate, or else by its address and token.

    Attributes:
        client: The name that the server has for you.
        queued_jobs: Your jobs that wait.
        running_jobs: Your jobs being worked on.
        clients_ahead: How many other clients' next jobs come before your next job.
        memory_bytes: What your pictures in the making and your unread results take.
    """

    client: str = ""
    queued_jobs: int = 0
    running_jobs: int = 0
    clients_ahead: int = 0
    memory_bytes: int = 0


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
        memory_bytes: What requests, pictures in the making and unread results take.
        own: Your part of it.
    """

    queued_jobs: int
    running_jobs: int
    lanes: tuple[Lane, ...]
    finished_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    draining: bool
    memory_bytes: int = 0
    own: OwnLoad = OwnLoad()
