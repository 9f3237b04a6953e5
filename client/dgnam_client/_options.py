"""The keywords of the calls that draw: the fields of a request. Every other keyword is an option of the method."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from ._hole import Hole
    from ._result import Result

Readout = Literal["activation", "probability", "log-probability"]
Balance = Literal["none", "gradient-norm", "equal-activation"]
Fit = Literal["resize", "crop"]
Determinism = Literal["rounding", "strict"]
Priority = Literal["interactive", "batch"]
Included = Literal["png", "image", "code", "history", "alpha"]

Call = TypeVar("Call", bound=Callable[..., Any])


class SynthesisOptions(TypedDict, total=False):
    """What a call that draws may say besides the options of its method. What is left out, or None, is the server's default.

    Every other keyword of such a call is an option of the method, a number: `steps=100`, `tv_weight=0.2`. `Client.methods()` lists
    them with their ranges and defaults, and the server checks them.

    Attributes:
        method: The procedure, as `Client.methods()` names it.
        prior: The trained generator that draws, as `Client.models()` names it. Not of `synthesize_pixels`.
        size: The finished picture's (height, width) in pixels, or one number for both; default: what the prior draws, or of
            `synthesize_pixels` the input size of the target's networks. What a prior draws is scaled when it is done.
        fit: How a network gets to see a picture of another size: "resize" scales all of it, "crop" takes the middle of a larger one;
            default: what suits the prior, "resize" without one.
        seed: Another seed, another picture. Variant v uses seed + v.
        start: Where to start: a picture (a PIL image, a path, a file's bytes, or a Result) or, with a prior, a code (an array, such
            as another result's `code`).
        hole: A photograph with a hole, `Hole(photo, mask)`: outside of it the photograph is held, inside it is drawn.
        preview_interval: A preview picture every so many steps; 0: none.
        determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
        balance: How several units are brought together: "none" (the plain weighted sum), "gradient-norm" or "equal-activation".
        readout: What is read off the units: "activation", "probability" or "log-probability".
        priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
        queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
        include: Which parts of a result the server sends, such as ["png"]; default: all of "png", "image", "code", "history"
            and "alpha".
    """

    method: str | None
    prior: str | None
    size: int | tuple[int, int] | None
    fit: Fit | None
    seed: int | None
    start: Result | NDArray[Any] | Image.Image | str | os.PathLike[str] | bytes | None
    hole: Hole | None
    preview_interval: int | None
    determinism: Determinism | None
    balance: Balance | None
    readout: Readout | None
    priority: Priority | None
    queue_timeout_s: float | None
    include: Iterable[Included] | None


def shows_options(call: Call) -> Call:
    """Show the keywords of SynthesisOptions in a function's signature, so that notebooks and `help` list them."""
    return shows(call, SynthesisOptions.__annotations__)


def shows(call: Call, keywords: Mapping[str, Any]) -> Call:
    """Show these keywords in a function's signature, before its last parameter."""
    signature = inspect.signature(call)
    *named, rest = signature.parameters.values()
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=getattr(kind, "__forward_arg__", kind))
        for name, kind in keywords.items()
    ]
    cast(Any, call).__signature__ = signature.replace(parameters=[*named, *options, rest])
    return call
