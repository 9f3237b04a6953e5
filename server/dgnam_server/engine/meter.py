"""What the engine tells whoever measures it."""

from typing import Protocol


class Meter(Protocol):
    """Hears from the device thread, and must not block it."""

    def stepped(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took a step."""

    def started(self, waited_s: float) -> None:
        """A job's first row has joined a batch, so long after it was admitted."""

    def ended(self, state: str, total_s: float) -> None:
        """A job has come to its terminal state, so long after it was admitted."""


class Unmeasured:
    """Nobody measures."""

    def stepped(self, rows: int, seconds: float) -> None:
        """Nothing."""

    def started(self, waited_s: float) -> None:
        """Nothing."""

    def ended(self, state: str, total_s: float) -> None:
        """Nothing."""
