"""Arguments -> requests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from dgnam_proto.v1 import synthesis_pb2

from .._errors import InvalidRequestError
from .._hole import Hole
from .._options import Determinism, Fit, Included, Priority, SynthesisOptions
from .._picture_file import is_picture, picture_file
from .._recipe import Recipe, Record, Request, drawing
from .._target import TargetLike, target_message
from .fields import choice, refusal, set_field

if TYPE_CHECKING:
    from dgnam_proto.v1 import target_pb2
    from numpy.typing import ArrayLike

R = TypeVar("R", bound=Record)
M = TypeVar("M")
RecipeLike = Recipe | dict[str, Any] | str | os.PathLike[str]


@dataclass(frozen=True)
class Space:
    """What a method optimizes, and so which call draws with it.

    Attributes:
        call: The call's name in the contract.
        request: Its message.
        foreign: The keywords of SynthesisOptions that it does not take, and why.
    """

    call: str
    request: type[synthesis_pb2.SynthesizeRequest] | type[synthesis_pb2.SynthesizePixelsRequest]
    foreign: Mapping[str, str]


CODE = Space("Synthesize", synthesis_pb2.SynthesizeRequest, {})
PIXELS = Space("SynthesizePixels", synthesis_pb2.SynthesizePixelsRequest, {"prior": "pixel methods draw without a prior: leave it out"})
CALLS: dict[type, str] = {space.request: space.call for space in (CODE, PIXELS)}


def drawing_request(space: Space, target: TargetLike, options: Mapping[str, Any]) -> Request:
    """The request for a target's picture.

    Args:
        space: What is optimized.
        target: The target.
        options: `variants`, the keywords of SynthesisOptions, and the method's own options; None is not sent. Which options a method
            has is the server's to say, so any number passes here.

    Raises:
        InvalidAddressError: Something in the target is not an address.
        InvalidRequestError: A value of the wrong type, or one that the field cannot hold.
        OSError: The picture file to start from cannot be read.
    """
    request = space.request(target=target_message(target, options.get("balance"), options.get("readout")))
    for name, value in options.items():
        if value is None or name in ("balance", "readout"):
            continue
        if name in space.foreign:
            raise refusal(name, space.foreign[name])
        if name in _SETTERS:
            _SETTERS[name](request, value)
        elif name in SynthesisOptions.__annotations__ or name == "variants":
            set_field(request, name, value)
        else:
            _set_option(request, name, value)
    return request


def replay_request(recipe: RecipeLike) -> Request:
    """The request that draws a recipe's picture again.

    Raises:
        InvalidRequestError: It is not a recipe.
        OSError: The recipe file cannot be read.
    """
    request: Request = drawing(read_recipe(recipe, Recipe).request())
    return request


def read_recipe(recipe: R | dict[str, Any] | str | os.PathLike[str], kind: type[R]) -> R:
    """A recipe of a kind from any of its forms: itself, its dict, its JSON text, or a path.

    Raises:
        InvalidRequestError: It is not a recipe.
        OSError: The recipe file cannot be read.
    """
    if isinstance(recipe, kind):
        return recipe
    if isinstance(recipe, dict):
        return kind.from_dict(recipe)
    if isinstance(recipe, str) and recipe.lstrip().startswith("{"):
        return kind.from_json(recipe)
    if isinstance(recipe, str | os.PathLike):
        return kind.load(recipe)
    raise InvalidRequestError(
        f"a value of type {type(recipe).__name__} is not a recipe: pass a {kind.__name__}, its dict or JSON text, or the path of its file"
    )


def waiting(request: M, priority: Priority | None, queue_timeout_s: float | None) -> M:
    """The request, which says how it waits. None: as the server has it.

    Raises:
        InvalidRequestError: A value is of the wrong type.
    """
    if priority is not None:
        _set_priority(request, priority)
    if queue_timeout_s is not None:
        set_field(request, "queue_timeout_s", queue_timeout_s)
    return request


def draw_request(codes: ArrayLike, prior: str | None, include: Iterable[Included] | None) -> synthesis_pb2.DrawRequest:
    """The request for the pictures of codes.

    Raises:
        InvalidRequestError: The codes are neither a vector nor a matrix of real numbers; or no such part to include.
    """
    request = synthesis_pb2.DrawRequest()
    request.codes.CopyFrom(array_message(codes, "codes", (1, 2), "pass one code, shape (code size), or several, shape (codes, code size)"))
    if prior is not None:
        set_field(request, "prior", prior)
    if include is not None:
        _set_include(request, include)
    return request


def array_message(value: ArrayLike, field: str, ndims: tuple[int, ...], wanted: str) -> target_pb2.Array:
    """The message of an array.

    Raises:
        InvalidRequestError: It holds no real numbers, or has another number of axes than `ndims`; the message says what is `wanted`.
    """
    from dgnam_proto import arrays

    try:
        message = arrays.to_message(value)
    except ValueError as error:
        raise refusal(field, str(error)) from None
    if len(message.shape) not in ndims:
        raise refusal(field, f"an array of shape {tuple(message.shape)} does not fit: {wanted}")
    return message


def _set_option(request: Request, name: str, value: Any) -> None:
    try:
        request.options[name] = value
    except (TypeError, ValueError):
        import difflib

        near = difflib.get_close_matches(name, SynthesisOptions.__annotations__, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "a method's options are numbers"
        raise InvalidRequestError(
            f"{name}: {value!r} is not a number: {hint}", violations=[(f"options.{name}", f"{value!r} is not a number: {hint}")]
        ) from None


def _set_start(request: Any, start: Any) -> None:
    if is_picture(start) or isinstance(request, synthesis_pb2.SynthesizePixelsRequest):
        request.start_image = picture_file(start, field="start")
    elif hasattr(start, "__array__") or isinstance(start, Iterable):
        request.start_code.CopyFrom(array_message(start, "start_code", (1,), "a code is a vector; make a PIL image of a picture's array"))
    else:
        kind = type(start).__name__
        raise refusal(
            "start", f"a value of type {kind} is neither a code nor a picture: pass an array, a PIL image, a path, or a file's bytes"
        )


def _set_size(request: Any, size: Any) -> None:
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise refusal("size", f"{size!r} is not (height, width) or one number for both")
    for field, side in zip(("height", "width"), sides, strict=True):
        set_field(request, field, side)


def _set_fit(request: Any, value: Any) -> None:
    request.fit = choice("FIT", value, get_args(Fit), field="fit")


def _set_hole(request: Any, value: Any) -> None:
    if not isinstance(value, Hole):
        raise refusal("hole", f"a value of type {type(value).__name__} is not a Hole: pass Hole(photo, mask)")
    request.hole.CopyFrom(value.message())


def _set_determinism(request: Any, value: Any) -> None:
    request.determinism = choice("DETERMINISM", value, get_args(Determinism), field="determinism")


def _set_priority(request: Any, value: Any) -> None:
    request.priority = choice("PRIORITY", value, get_args(Priority), field="priority")


def _set_include(request: Any, include: Iterable[Included]) -> None:
    parts = get_args(Included)
    names = [include] if isinstance(include, str) else list(include)
    for name in names:
        if name not in parts:
            raise refusal("include", f"{name!r} is none of {', '.join(map(repr, parts))}")
    for name in parts:
        setattr(request.include, name, name in names)


# The keywords that are not set by name.
_SETTERS = {
    "start": _set_start,
    "size": _set_size,
    "fit": _set_fit,
    "hole": _set_hole,
    "determinism": _set_determinism,
    "priority": _set_priority,
    "include": _set_include,
}
