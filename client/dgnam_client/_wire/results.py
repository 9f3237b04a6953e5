"""Answers about pictures -> results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dgnam_proto.v1 import synthesis_pb2

from .._activations import ActivationPercentiles, Activations
from .._errors import ProtocolError
from .._events import Event, Progress, Queued, Started, VariantProgress
from .._gallery import Gallery
from .._picture import Picture
from .._place import Place
from .._recipe import KINDS, Recipe, Request
from .._result import Ending, Result, StartRank
from .._target import READOUTS

if TYPE_CHECKING:
    import numpy as np
    from dgnam_proto.v1 import analysis_pb2, search_pb2, target_pb2
    from numpy.typing import NDArray

_ENDINGS: dict[int, Ending] = {
    synthesis_pb2.ENDING_STEPS_DONE: "steps-done",
    synthesis_pb2.ENDING_ZERO_GRADIENT: "zero-gradient",
    synthesis_pb2.ENDING_NO_GRADIENT: "no-gradient",
}


def event(response: synthesis_pb2.SynthesizeResponse | synthesis_pb2.SynthesizePixelsResponse) -> Event | None:
    """The event in a stream's message; None where it holds nothing to tell, as a heartbeat does."""
    match response.WhichOneof("event"):
        case "queued":
            return Queued(response.queued.position)
        case "started":
            return Started()
        case "progress":
            return Progress(tuple(map(_variant_progress, response.progress.variants)))
        case "result":
            return result(response.result)
        case _:
            return None


def result(message: synthesis_pb2.Result) -> Result:
    """A finished picture.

    Raises:
        ProtocolError: An array's bytes do not fill its shape, or the picture is not (H, W, 3).
    """
    terms = getattr(message.recipe, message.recipe.WhichOneof("request") or KINDS[0]).target.terms
    # A server from before the field says it in the recipe.
    numbers = message.term_readouts or [term.readout for term in terms]
    return Result(
        sent=sent_parts(message, ("image", "code", "history")) | ({"alpha": message.alpha} if message.alpha else {}),
        variant=message.variant,
        activation=message.activation,
        term_activations=tuple(message.term_activations),
        readouts=tuple(_read_off(term.unit, number) for term, number in zip(terms, numbers, strict=False)),
        ending=_ENDINGS.get(message.ending, "unknown"),
        silent_terms=tuple(message.silent_terms),
        gradient_steps=message.gradient_steps if message.HasField("gradient_steps") else None,
        recipe=Recipe(message.recipe),
        start=_start(message.start_rank) if message.HasField("start_rank") else None,
    )


def drawn(request: Request, results: Sequence[Result]) -> Result | list[Result]:
    """What a call that draws returns for the results of a whole stream.

    Raises:
        ProtocolError: The stream ended before every variant was there.
    """
    wanted = max(request.variants, 1)
    if len(results) != wanted:
        raise ProtocolError(f"the server ended the stream after {len(results)} of {wanted} results")
    return Gallery(sorted(results, key=lambda result: result.variant)) if wanted > 1 else results[0]


def pictures(request: synthesis_pb2.DrawRequest, response: synthesis_pb2.DrawResponse) -> Picture | list[Picture]:
    """The pictures of codes: one for a vector, a list for a matrix.

    Raises:
        ProtocolError: There are more or fewer than codes, or one cannot be read.
    """
    several = len(request.codes.shape) == 2
    wanted = request.codes.shape[0] if several else 1
    if len(response.pictures) != wanted:
        raise ProtocolError(f"the server sent {len(response.pictures)} pictures of {wanted} codes")
    drawn = Gallery(Picture(sent=sent_parts(picture, ("image",))) for picture in response.pictures)
    return drawn if several else drawn[0]


def activations(places: Sequence[Place], response: analysis_pb2.ActivationsResponse, *, single: bool) -> Activations:
    """The activations at each place; `single`: of one picture, which then has no axis.

    Raises:
        ProtocolError: There are more or fewer arrays than places, or one cannot be read.
    """
    if len(response.activations) != len(places):
        raise ProtocolError(f"the server sent {len(response.activations)} arrays for {len(places)} places")
    arrays = [_read_array(message, str(place)) for message, place in zip(response.activations, places, strict=True)]
    if single and any(array.shape[:1] != (1,) for array in arrays):
        raise ProtocolError("the activations cannot be read: their first axis is not one picture")
    read = tuple(array[0] if single else array for array in arrays)
    return Activations(tuple(places), read, dict(response.model_digests), _percentiles(places, response, single=single))


def _percentiles(
    places: Sequence[Place], response: analysis_pb2.ActivationsResponse, *, single: bool
) -> tuple[ActivationPercentiles | None, ...]:
    found: list[ActivationPercentiles | None] = [None] * len(places)
    for message in response.percentiles:
        if message.place >= len(found):
            raise ProtocolError(f"the server sent percentiles of place {message.place}; there are {len(places)}")
        percents, largest = (_read_array(array, str(places[message.place])) for array in (message.percents, message.largest))
        if single and percents.shape[:1] != (1,):
            raise ProtocolError("the percentiles cannot be read: their first axis is not one picture")
        percents = percents[0] if single else percents
        found[message.place] = ActivationPercentiles(percents, largest, message.index, message.photographs)
    return tuple(found)


def _read_off(unit: target_pb2.Unit, number: int) -> str:
    """What was read off a term, given the number of its readout; of a whole tap, the unit itself says it."""
    kind = unit.WhichOneof("unit")
    if kind not in (None, "index", "label"):
        return str(kind).removesuffix("_of").replace("_", "-")
    return READOUTS.get(number, "activation")


def _start(message: synthesis_pb2.StartRank) -> StartRank:
    return StartRank(message.rank, message.draws, message.activation, message.percentile)


def _variant_progress(message: synthesis_pb2.VariantProgress) -> VariantProgress:
    preview = message.preview if message.HasField("preview") else None
    return VariantProgress(message.variant, message.step, message.total_steps, message.activation, preview)


def sent_parts(message: synthesis_pb2.Result | synthesis_pb2.Picture | search_pb2.SearchPicture, arrays: Iterable[str]) -> dict[str, Any]:
    """The parts of a picture that are there."""
    parts: dict[str, Any] = {name: _read_array(getattr(message, name), name) for name in arrays if message.HasField(name)}
    if message.png:
        parts["png"] = message.png
    if "image" in parts and (parts["image"].ndim != 3 or parts["image"].shape[2] != 3):
        raise ProtocolError(f"the picture cannot be read: its shape is {parts['image'].shape}, not (H, W, 3)")
    return parts


def _read_array(message: target_pb2.Array, name: str) -> NDArray[np.float32]:
    # Brings numpy, which commands that show no picture do without.
    from dgnam_proto import arrays

    try:
        return arrays.from_message(message)
    except ValueError as error:
        raise ProtocolError(f"{name} cannot be read: {error}") from error
