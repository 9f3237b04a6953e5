"""The keywords of `Client.search`: the fields of its request. Every other keyword is an option of the optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ._options import Call, shows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._picture_file import PictureLike

Axes = Literal["components", "units"]
SearchStart = Literal["mean", "draws"]


class SearchOptions(TypedDict, total=False):
    """What `Client.search` may say besides the options of its optimizer. What is left out, or None, is the server's default.

    Every other keyword is an option of the optimizer, a number: `population=40`, `sigma=0.5`. `Client.optimizers()` lists them.

    Attributes:
        prior: The trained generator that draws, as `Client.models()` names it.
        size: The picture's (height, width) in pixels, or one number for both: search a picture's spectrum, without a prior.
        axes: Along what a prior's codes are searched: "components", the principal ones of photographs' codes, or the code's "units".
        optimizer: The optimizer, as `Client.optimizers()` names it.
        seed: Another seed, other pictures.
        start: Where to begin: "mean" of photographs' codes, "draws" from the prior's model of them, or a code (an array).
        repeats: How often each picture is shown, and so the most scores that it can have.
        references: Pictures to show among the others, for comparison: PIL images, paths, files' bytes, or Results.
        references_per_generation: How many of them each generation shows, in turn; default: all, at most 10.
        max_pictures: The search is over after so many, references not counted.
        patience: It is over after so many generations without a better mean score; 0: never.
        stop_score: It is over once a picture's mean score is at least this.
    """

    prior: str | None
    size: int | tuple[int, int] | None
    axes: Axes | None
    optimizer: str | None
    seed: int | None
    start: SearchStart | NDArray[Any] | None
    repeats: int | None
    references: PictureLike | Iterable[PictureLike] | None
    references_per_generation: int | None
    max_pictures: int | None
    patience: int | None
    stop_score: float | None


def shows_search_options(call: Call) -> Call:
    """Show the keywords of SearchOptions in a function's signature, so that notebooks and `help` list them."""
    return shows(call, SearchOptions.__annotations__)
