"""Arguments -> requests for analyses of pictures, and answers -> results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from dgnam_proto.v1 import analysis_pb2

from .._analysis_recipe import AnalysisRecipe, AnalysisRecipeLike, read_place
from .._errors import InvalidAddressError, ProtocolError
from .._events import AnalysisProgress, PictureProgress, Queued, Started
from .._exemplars import Exemplar, ExemplarEvent, Exemplars
from .._filters import Filters
from .._invariance import Invariance, InvarianceCurve, InvarianceEvent
from .._occlusion import Occlusion, OcclusionEvent
from .._options import Determinism
from .._picture_file import PictureLike, is_picture, picture_file
from .._place import ADVICE, Place, PlaceLike, parse_places
from .._projection import Projection, ProjectionEvent
from .._receptive_field import Box
from .._unit import Bare, position_message
from .fields import choice, refusal, set_field
from .requests import read_recipe

if TYPE_CHECKING:
    import numpy as np
    from dgnam_proto.v1 import target_pb2
    from numpy.typing import NDArray

OnAnalysis = Callable[[Any], object]
Pictures = PictureLike | Iterable[PictureLike]
Found = TypeVar("Found", Projection, Occlusion, Invariance)
AMOUNTS = ("translations", "rotations", "scales")
EXEMPLARS = ("count", "index", "project", "method", "layer", "determinism")  # fields of its request; all else are the method's options


def picture_files(pictures: Pictures) -> list[bytes]:
    """The files of one picture or several.

    Raises:
        InvalidRequestError: Something is not a picture, or there is none.
        OSError: A picture file cannot be read.
    """
    several = [pictures] if is_picture(pictures) or not isinstance(pictures, Iterable) else list(pictures)
    files = [picture_file(picture, field=f"pictures[{index}]") for index, picture in enumerate(several)]
    if not files:
        raise refusal("pictures", "there is no picture to look at")
    return files


def place_message(place: Place) -> analysis_pb2.Place:
    """The message of a place.

    Raises:
        InvalidAddressError: An index or position is out of range.
    """
    message = analysis_pb2.Place(model=place.model, tap=place.tap)
    try:
        if isinstance(place.unit, str):
            message.label = place.unit
        elif place.unit is not None:
            message.index, message.bare = place.unit, isinstance(place.unit, Bare)
        if place.position is not None:
            message.position.CopyFrom(position_message(place.position))
    except (TypeError, ValueError) as error:
        raise InvalidAddressError(f"{place} is not the address of a tap or a unit: {error}", advice=ADVICE) from None
    return message


def activations_request(pictures: Pictures, places: Iterable[Place]) -> analysis_pb2.ActivationsRequest:
    """The request for the activations that pictures give.

    Raises:
        InvalidAddressError: An index or position is out of range.
        InvalidRequestError: Something is not a picture, or there is none.
        OSError: A picture file cannot be read.
    """
    return analysis_pb2.ActivationsRequest(images=picture_files(pictures), places=map(place_message, places))


def project_request(
    pictures: Pictures, place: PlaceLike, fields: Mapping[str, Any], options: Mapping[str, Any]
) -> analysis_pb2.ProjectRequest:
    """The request for projections.

    Args:
        fields: `method`, `top`, `layer`, `enlarge` and `determinism`; None is not sent.
        options: The method's own, numbers.

    Raises:
        InvalidAddressError: The place is not an address.
        InvalidRequestError: Something is not a picture, or a value is of the wrong type.
        OSError: A picture file cannot be read.
    """
    (where,) = parse_places([place])
    request = analysis_pb2.ProjectRequest(place=place_message(where))
    _set(request, fields)
    _set_options(request, options)
    request.images.extend(picture_files(pictures))
    return request


def occlude_request(pictures: Pictures, places: PlaceLike | Iterable[PlaceLike], fields: Mapping[str, Any]) -> analysis_pb2.OccludeRequest:
    """The request for occlusions.

    Args:
        fields: `size`, `stride`, `colour` and `determinism`; None is not sent.

    Raises:
        InvalidAddressError: Something in the places is not an address.
        InvalidRequestError: Something is not a picture, or a value is of the wrong type.
        OSError: A picture file cannot be read.
    """
    request = analysis_pb2.OccludeRequest(places=map(place_message, parse_places(places)))
    _set(request, fields)
    request.images.extend(picture_files(pictures))
    return request


def transform_request(
    pictures: Pictures, places: PlaceLike | Iterable[PlaceLike], fields: Mapping[str, Any]
) -> analysis_pb2.TransformRequest:
    """The request for invariances.

    Args:
        fields: `translations`, `rotations`, `scales`, `colour` and `determinism`; None is not sent.

    Raises:
        InvalidAddressError: Something in the places is not an address.
        InvalidRequestError: Something is not a picture, or a value is of the wrong type.
        OSError: A picture file cannot be read.
    """
    request = analysis_pb2.TransformRequest(places=map(place_message, parse_places(places)))
    _set(request, fields)
    request.images.extend(picture_files(pictures))
    return request


def exemplars_request(unit: PlaceLike, fields: Mapping[str, Any], options: Mapping[str, Any]) -> analysis_pb2.ExemplarsRequest:
    """The request for a unit's strongest photographs.

    Args:
        fields: `count`, `index`, `project`, `method`, `layer` and `determinism`; None is not sent.
        options: The method's own, numbers.

    Raises:
        InvalidAddressError: The unit is not an address.
        InvalidRequestError: A value is of the wrong type.
    """
    (where,) = parse_places([unit])
    request = analysis_pb2.ExemplarsRequest(place=place_message(where))
    _set(request, fields)
    _set_options(request, options)
    return request


def exemplar_event(response: analysis_pb2.ExemplarsResponse) -> ExemplarEvent | None:
    """The event in a message of Exemplars; None where it holds nothing to tell."""
    return exemplar(response.result) if response.HasField("result") else _event(response)


def exemplars(events: Sequence[object], request: analysis_pb2.ExemplarsRequest) -> Exemplars:
    """The exemplars among a stream's events, the strongest first.

    Raises:
        ProtocolError: The stream ended before all were there.
    """
    found = sorted((event for event in events if isinstance(event, Exemplar)), key=lambda one: one.rank)
    if [one.rank for one in found] != list(range(1, len(found) + 1)) or (request.HasField("count") and len(found) != request.count):
        raise ProtocolError(f"the server ended the stream after {len(found)} exemplars")
    return Exemplars(found, str(read_place(request.place)))


def exemplar(message: analysis_pb2.Exemplar) -> Exemplar:
    """One of a unit's strongest photographs.

    Raises:
        ProtocolError: Its projection cannot be read.
    """
    box = message.box
    return Exemplar(
        rank=message.rank,
        photograph=message.photograph,
        folder=message.folder,
        unit=message.unit,
        label=message.label,
        activation=message.activation,
        position=(message.position.y, message.position.x) if message.HasField("position") else None,
        box=Box(box.top, box.left, box.bottom, box.right),
        seen_png=message.seen,
        projection=projection(message.projection) if message.HasField("projection") else None,
        index=message.index,
        photographs=message.photographs,
    )


def filters_request(model: str, shared_scale: bool) -> analysis_pb2.GetFiltersRequest:
    """The request for a network's first-layer filters.

    Raises:
        InvalidRequestError: A value is of the wrong type.
    """
    request = analysis_pb2.GetFiltersRequest()
    set_field(request, "model", model)
    set_field(request, "shared_scale", shared_scale)
    return request


def filters(model: str, response: analysis_pb2.GetFiltersResponse) -> Filters:
    """A network's first-layer filters.

    Raises:
        ProtocolError: They cannot be read.
    """
    return Filters(
        model=model,
        array=array(response.values, "values"),
        stride=(response.stride_y, response.stride_x),
        rms=tuple(response.rms),
        dominating=tuple(response.dominating),
        dead=tuple(response.dead),
        frequencies={"low": response.low, "middle": response.middle, "high": response.high},
        aliased=response.aliased,
        png=response.png,
    )


def projection_event(response: analysis_pb2.ProjectResponse) -> ProjectionEvent | None:
    """The event in a message of Project; None where it holds nothing to tell."""
    return projection(response.result) if response.HasField("result") else _event(response)


def occlusion_event(response: analysis_pb2.OccludeResponse) -> OcclusionEvent | None:
    """The event in a message of Occlude; None where it holds nothing to tell."""
    return occlusion(response.result) if response.HasField("result") else _event(response)


def invariance_event(response: analysis_pb2.TransformResponse) -> InvarianceEvent | None:
    """The event in a message of Transform; None where it holds nothing to tell."""
    return invariance(response.result) if response.HasField("result") else _event(response)


def projections(events: Sequence[object], request: Any) -> list[Projection]:
    """The projections among a stream's events, in the order of the pictures.

    Raises:
        ProtocolError: The stream ended before every picture's result was there.
    """
    return _finished(Projection, events, request)


def occlusions(events: Sequence[object], request: Any) -> list[Occlusion]:
    """The occlusions among a stream's events, as `projections`."""
    return _finished(Occlusion, events, request)


def invariances(events: Sequence[object], request: Any) -> list[Invariance]:
    """The invariances among a stream's events, as `projections`."""
    return _finished(Invariance, events, request)


@dataclass(frozen=True)
class Replay:
    """How an analysis is made again.

    Attributes:
        call: The call's name in the contract.
        request: Its message.
        event: What a message of its answer holds.
        results: The results among the events.
    """

    call: str
    request: Any
    event: Callable[[Any], Any]
    results: Callable[[Sequence[object], Any], list[Any]]

    def result(self, events: Sequence[object]) -> Projection | Occlusion | Invariance:
        """The result among the events.

        Raises:
            ProtocolError: There is none.
        """
        found: Projection | Occlusion | Invariance
        (found,) = self.results(events, self.request)
        return found


def replay(recipe: AnalysisRecipeLike) -> Replay:
    """How a recipe's analysis is made again.

    Raises:
        InvalidRequestError: It is not such a recipe.
        OSError: The recipe file cannot be read.
    """
    request = read_recipe(recipe, AnalysisRecipe).request()
    if isinstance(request, analysis_pb2.ProjectRequest):
        return Replay("analysis.Project", request, projection_event, projections)
    if isinstance(request, analysis_pb2.TransformRequest):
        return Replay("analysis.Transform", request, invariance_event, invariances)
    return Replay("analysis.Occlude", request, occlusion_event, occlusions)


def projection(message: analysis_pb2.Projection) -> Projection:
    """A finished projection.

    Raises:
        ProtocolError: It cannot be read.
    """
    values = array(message.values, "values")
    if values.ndim != 3 or values.shape[2] not in (1, 3) or not message.activations:
        raise ProtocolError(f"the projection cannot be read: its shape is {values.shape}, with {len(message.activations)} activations")
    return Projection(
        sent={"png": message.png, "image": values},
        picture=message.picture,
        unit=message.unit,
        label=message.label,
        positions=tuple((position.y, position.x) for position in message.positions),
        activations=tuple(message.activations),
        recipe=AnalysisRecipe(message.recipe),
        seen_png=message.seen,
    )


def occlusion(message: analysis_pb2.Occlusion) -> Occlusion:
    """A finished occlusion.

    Raises:
        ProtocolError: It cannot be read.
    """
    import numpy as np

    activations, probabilities = array(message.activation_map, "activation_map"), array(message.probability_map, "probability_map")
    classes = np.array(message.top_classes, dtype=np.int64)
    if activations.ndim != 2 or activations.shape != probabilities.shape or classes.size != activations.size:
        raise ProtocolError(f"the maps cannot be read: {activations.shape}, {probabilities.shape} and {classes.size} classes")
    return Occlusion(
        picture=message.picture,
        unit=message.unit,
        class_index=message.class_index,
        class_label=message.class_label,
        activation=message.activation,
        probability=message.probability,
        top_class=message.top_class,
        activation_map=activations,
        probability_map=probabilities,
        class_map=classes.reshape(activations.shape),
        labels=dict(message.labels),
        pngs={
            "seen": message.seen,
            "activation": message.activation_png,
            "probability": message.probability_png,
            "classes": message.classes_png,
        },
        recipe=AnalysisRecipe(message.recipe),
    )


def invariance(message: analysis_pb2.Invariance) -> Invariance:
    """A finished invariance.

    Raises:
        ProtocolError: It cannot be read.
    """
    kinds = analysis_pb2.Change.items()
    names = {number: name.removeprefix("CHANGE_").lower() for name, number in kinds}
    return Invariance(
        picture=message.picture,
        class_index=message.class_index,
        class_label=message.class_label,
        probability=message.probability,
        top_class=message.top_class,
        taps=tuple(message.taps),
        lengths=tuple(message.lengths),
        curves={names[curve.change]: _curve(curve, len(message.taps)) for curve in message.curves if curve.change in names},
        labels=dict(message.labels),
        seen_png=message.seen,
        recipe=AnalysisRecipe(message.recipe),
    )


def _curve(message: analysis_pb2.InvarianceCurve, taps: int) -> InvarianceCurve:
    import numpy as np

    distances, amounts = array(message.distances, "distances"), np.array(message.amounts, np.float32)
    if distances.shape != (taps, len(amounts)) or not len(amounts) == len(message.probabilities) == len(message.top_classes):
        raise ProtocolError(f"the curve cannot be read: {distances.shape} distances for {taps} taps and {len(amounts)} amounts")
    return InvarianceCurve(amounts, distances, np.array(message.probabilities, np.float32), np.array(message.top_classes, np.int64))


def _finished(kind: type[Found], events: Sequence[object], request: Any) -> list[Found]:
    found = sorted((event for event in events if isinstance(event, kind)), key=lambda result: result.picture)
    if len(found) != len(request.images):
        raise ProtocolError(f"the server ended the stream after {len(found)} of {len(request.images)} results")
    return found


def fill(request: Any, fields: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Set fields of a request, of which None is not sent, and options of its method.

    Raises:
        InvalidRequestError: A value is of the wrong type, or there is no such field.
    """
    known = request.DESCRIPTOR.fields_by_name
    if unknown := [name for name in fields if name not in known]:
        raise refusal(unknown[0], f"there is no such keyword; there are {', '.join(known)}")
    _set(request, fields)
    _set_options(request, options)


def _set_options(request: Any, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        try:
            request.options[name] = value
        except (TypeError, ValueError):
            raise refusal(f"options.{name}", f"{value!r} is not a number") from None


def _set(request: Any, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if value is None:
            continue
        if name == "determinism":
            request.determinism = choice("DETERMINISM", value, get_args(Determinism), field=name)
        elif name == "colour":
            _extend(
                request.colour, [value] if isinstance(value, int | float) else value, name, "a grey from 0 to 1, or red, green and blue"
            )
        elif name in AMOUNTS:
            _extend(getattr(request, name), value, name, "a list of numbers")
        elif name in ("enlarge", "project") and not isinstance(value, bool):
            raise refusal(name, f"{value!r} is neither True nor False")
        else:
            set_field(request, name, value)


def _extend(numbers: Any, values: Any, name: str, what: str) -> None:
    try:
        numbers.extend(values)
    except (TypeError, ValueError):
        raise refusal(name, f"{values!r} is not {what}") from None


def _event(response: Any) -> Queued | Started | AnalysisProgress | None:
    match response.WhichOneof("event"):
        case "queued":
            return Queued(response.queued.position)
        case "started":
            return Started()
        case "progress":
            return AnalysisProgress(tuple(PictureProgress(one.picture, one.step, one.total_steps) for one in response.progress.pictures))
    return None


def array(message: target_pb2.Array, name: str) -> NDArray[np.float32]:
    """An array on the wire.

    Raises:
        ProtocolError: It cannot be read.
    """
    from dgnam_proto import arrays

    try:
        return arrays.from_message(message)
    except ValueError as error:
        raise ProtocolError(f"{name} cannot be read: {error}") from error
