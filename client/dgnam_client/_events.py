"""What a stream tells while pictures are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._picture import decoded
from ._result import Result

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Queued:
    """The request waits.

    Attributes:
        position: Jobs ahead of it.
    """

    position: int


@dataclass(frozen=True)
class Started:
    """The request is being worked on."""


@dataclass(frozen=True)
class VariantProgress:
    """How far one picture is.

    Attributes:
        variant: Which of the request's pictures.
        step: Steps done.
        total_steps: Steps in all.
        activation: The weighted sum of the terms' activations.
        preview: The picture so far as a PNG file; None where none was asked for or nothing is new.
    """

    variant: int
    step: int
    total_steps: int
    activation: float
    preview: bytes | None = field(default=None, repr=False)

    @property
    def image(self) -> Image.Image | None:
        """The preview as a PIL image."""
        return None if self.preview is None else decoded(self.preview)


@dataclass(frozen=True)
class Progress:
    """The latest state of every variant that moved."""

    variants: tuple[VariantProgress, ...]


@dataclass(frozen=True)
class PictureProgress:
    """How far one picture's analysis is.

    Attributes:
        picture: Its number in the request.
        step: Looks that the network has taken.
        total_steps: Looks in all.
    """

    picture: int
    step: int
    total_steps: int


@dataclass(frozen=True)
class AnalysisProgress:
    """The latest state of every picture that moved."""

    pictures: tuple[PictureProgress, ...]


Event = Queued | Started | Progress | Result
OnEvent = Callable[[Event], object]
OnIndexedEvent = Callable[[int, Event], object]
