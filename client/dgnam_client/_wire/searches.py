"""Searches: arguments -> requests, and answers -> searches and their pictures."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from dgnam_proto.v1 import search_pb2, synthesis_pb2

from .._options import Priority
from .._picture_file import PictureLike, is_picture, picture_file
from .._search_options import Axes, SearchOptions, SearchStart
from .._search_state import Generation, Optimizer, SearchPicture, SearchState
from .catalog import option
from .fields import choice, refusal, set_field
from .requests import array_message, waiting
from .results import sent_parts

_ENDINGS = {
    search_pb2.SEARCH_ENDING_PICTURES: "pictures",
    search_pb2.SEARCH_ENDING_PATIENCE: "patience",
    search_pb2.SEARCH_ENDING_SCORE: "score",
}
_SHOWN = synthesis_pb2.Include(image=False)  # a picture's file and code; the array follows from the file, but for its rounding


def create_request(name: str | None, options: Mapping[str, Any]) -> search_pb2.CreateSearchRequest:
    """The request that begins a search, or goes on with it.

    Args:
        name: None: one that nobody has.
        options: The keywords of SearchOptions, and the optimizer's own; None is not sent.

    Raises:
        InvalidRequestError: A value of the wrong type, or one that the field cannot hold.
        OSError: A reference's file cannot be read.
    """
    request = search_pb2.CreateSearchRequest()
    set_field(request, "name", f"search-{secrets.token_hex(4)}" if name is None else name)
    for field, value in options.items():
        if value is None:
            continue
        if field in _SETTERS:
            _SETTERS[field](request, value)
        elif field in SearchOptions.__annotations__:
            set_field(request, field, value)
        else:
            _set_option(request, field, value)
    return request


def list_request() -> search_pb2.ListSearchesRequest:
    """The request for every search."""
    return search_pb2.ListSearchesRequest()


def optimizers_request() -> search_pb2.ListOptimizersRequest:
    """The request for the optimizers."""
    return search_pb2.ListOptimizersRequest()


def ask_request(name: str, priority: Priority | None = None, queue_timeout_s: float | None = None) -> search_pb2.AskRequest:
    """The request for the next pictures."""
    return waiting(search_pb2.AskRequest(name=name, include=_SHOWN), priority, queue_timeout_s)


def get_request(name: str, priority: Priority | None = None, queue_timeout_s: float | None = None) -> search_pb2.GetSearchRequest:
    """The request for a search's state and its best picture."""
    return waiting(search_pb2.GetSearchRequest(name=name, include=_SHOWN), priority, queue_timeout_s)


def export_request(name: str) -> search_pb2.ExportSearchRequest:
    """The request for a search as a file."""
    return search_pb2.ExportSearchRequest(name=name)


def delete_request(name: str) -> search_pb2.DeleteSearchRequest:
    """The request to forget a search."""
    return search_pb2.DeleteSearchRequest(name=name)


def tell_request(name: str, scores: Any, pictures: Sequence[SearchPicture]) -> search_pb2.TellRequest:
    """The request that tells scores; see `Search.tell` for their forms.

    Raises:
        InvalidRequestError: They are not one for each picture, or one is not a number.
    """
    if isinstance(scores, Mapping):
        return search_pb2.TellRequest(name=name, scores=[_score(number, value) for number, value in scores.items()])
    given = list(scores.array if hasattr(scores, "places") else scores)
    if len(given) != len(pictures):
        wanted = "give one for each, None where there is none, or a dict from picture number to score for only some"
        raise refusal("scores", f"{len(given)} are not those of the {len(pictures)} pictures: {wanted}")
    return search_pb2.TellRequest(name=name, scores=[_score(one.number, value) for one, value in zip(pictures, given, strict=True)])


def state(message: search_pb2.Search, history: Iterable[Generation] | None = None) -> SearchState:
    """A search's state; `history`: in place of the message's own."""
    request = message.request
    done = map(generation, message.history) if history is None else history
    return SearchState(
        name=request.name,
        prior=request.prior or None,
        optimizer=request.optimizer,
        options=dict(request.options),
        seed=request.seed,
        repeats=request.repeats,
        population=message.population,
        dimensions=message.dimensions,
        max_pictures=request.max_pictures,
        generations_done=message.generations_done,
        pictures_done=message.pictures_done,
        waiting=message.waiting,
        ending=_ENDINGS.get(message.ending, "unknown") if message.ending else None,  # type: ignore[arg-type]
        best_score=_set(message, "best_score"),
        best_picture=_set(message, "best_picture"),
        history=tuple(done),
    )


def generation(message: search_pb2.Generation) -> Generation:
    """A generation's scores."""
    scores = {name: _set(message, name) for name in ("mean", "best", "reference_mean", "reference_best")}
    return Generation(message.number, message.scored, message.missing, **scores)


def picture(message: search_pb2.SearchPicture) -> SearchPicture:
    """A picture to show."""
    parts = sent_parts(message, ("image", "code"))
    return SearchPicture(sent=parts, number=message.number, generation=message.generation, reference=_set(message, "reference"))


def asked(response: search_pb2.AskResponse, history: tuple[Generation, ...]) -> tuple[list[SearchPicture], SearchState]:
    """The pictures to show, and the search's state, its history as known so far."""
    return list(map(picture, response.pictures)), state(response.search, history)


def told(response: search_pb2.TellResponse, history: tuple[Generation, ...]) -> tuple[Generation | None, SearchState]:
    """The generation that is done now, if one is, and the search's state."""
    completed = generation(response.completed) if response.HasField("completed") else None
    return completed, state(response.search, history if completed is None else (*history, completed))


def got(response: search_pb2.GetSearchResponse) -> tuple[SearchPicture | None, SearchState]:
    """The best picture, if there is one, and the search's state."""
    return picture(response.best) if response.HasField("best") else None, state(response.search)


def listed(response: search_pb2.ListSearchesResponse) -> list[SearchState]:
    """All searches."""
    return list(map(state, response.searches))


def optimizers(response: search_pb2.ListOptimizersResponse) -> list[Optimizer]:
    """The optimizers, the default first."""
    listed = [Optimizer(one.name, one.description, one.citation, tuple(map(option, one.options))) for one in response.optimizers]
    return sorted(listed, key=lambda one: one.name != response.default_optimizer)


def _score(number: Any, value: Any) -> search_pb2.Score:
    if not isinstance(number, int) or number < 0:
        raise refusal("scores", f"{number!r} is not a picture's number")
    if value is None:
        return search_pb2.Score(picture=number, missing=True)
    several = not isinstance(value, str | bytes) and getattr(value, "ndim", int(hasattr(value, "__len__"))) > 0
    try:
        values = [float(one) for one in value] if several else [float(value)]
    except (TypeError, ValueError):
        raise refusal("scores", f"picture {number}: {value!r} is neither a number, nor several, nor None") from None
    return search_pb2.Score(picture=number, values=values)


def _set(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _set_prior(request: search_pb2.CreateSearchRequest, prior: Any) -> None:
    if request.HasField("spectrum"):
        raise refusal("prior", "a search with a size searches a picture's spectrum, without a prior: leave one of the two out")
    set_field(request, "prior", prior)


def _set_size(request: search_pb2.CreateSearchRequest, size: Any) -> None:
    if request.HasField("prior"):
        raise refusal("size", "the prior determines the size: leave one of the two out")
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise refusal("size", f"{size!r} is not (height, width) or one number for both")
    for field, side in zip(("height", "width"), sides, strict=True):
        set_field(request.spectrum, field, side)


def _set_start(request: search_pb2.CreateSearchRequest, start: Any) -> None:
    if isinstance(start, str):
        request.start = choice("SEARCH_START", start, get_args(SearchStart), field="start")  # type: ignore[assignment]
    else:
        request.start_code.CopyFrom(array_message(start, "start_code", (1,), "a code is a vector"))


def _set_axes(request: search_pb2.CreateSearchRequest, axes: Any) -> None:
    request.axes = choice("AXES", axes, get_args(Axes), field="axes")  # type: ignore[assignment]


def _set_references(request: search_pb2.CreateSearchRequest, references: PictureLike | Iterable[PictureLike]) -> None:
    several = [references] if is_picture(references) or not isinstance(references, Iterable) else list(references)
    request.references.extend(picture_file(one, field=f"references[{index}]") for index, one in enumerate(several))


def _set_option(request: search_pb2.CreateSearchRequest, name: str, value: Any) -> None:
    try:
        request.options[name] = value
    except (TypeError, ValueError):
        raise refusal(f"options.{name}", f"{value!r} is not a number: an optimizer's options are numbers") from None


_SETTERS = {"prior": _set_prior, "size": _set_size, "start": _set_start, "axes": _set_axes, "references": _set_references}
