"""Arguments -> messages, messages -> results. Nothing here talks to a server; both clients use it.

The only I/O is reading the picture or recipe file that an argument names.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar, Unpack, cast, get_args

from dgnam_proto.v1 import catalog_pb2, server_pb2, synthesis_pb2

from . import _result, _types
from ._errors import InvalidRequestError, ProtocolError
from ._picture import is_picture, picture_file
from ._target import TargetLike, choice, target_message

RecipeLike = _result.Recipe | dict[str, Any] | str | os.PathLike[str]
Request = synthesis_pb2.SynthesizeRequest | synthesis_pb2.SynthesizePixelsRequest
Call = TypeVar("Call", bound=Callable[..., Any])

UNITS_PER_PAGE = 1000
# Fields whose value goes into the request as it is.
_PLAIN_FIELDS = (
    "prior",
    "method",
    "steps",
    "start_learning_rate",
    "end_learning_rate",
    "decay",
    "bound_multiplier",
    "reconstruction_weight",
    "langevin_noise",
    "end_langevin_noise",
    "noise_level",
    "end_noise_level",
    "churn",
    "seed",
    "preview_interval",
    "variants",
)
# The call of each kind of request.
VERBS: dict[type, str] = {synthesis_pb2.SynthesizeRequest: "Synthesize", synthesis_pb2.SynthesizePixelsRequest: "SynthesizePixels"}
_ENDINGS: dict[int, _result.Ending] = {synthesis_pb2.ENDING_STEPS_DONE: "steps-done", synthesis_pb2.ENDING_ZERO_GRADIENT: "zero-gradient"}
_ROLES: dict[int, Literal["classifier", "prior"]] = {catalog_pb2.ROLE_CLASSIFIER: "classifier", catalog_pb2.ROLE_PRIOR: "prior"}
# The health protocol's numbers.
_HEALTH = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


def takes_options(call: Call) -> Call:
    """Show the keywords of SynthesisOptions in a function's signature, so that notebooks and `help` list them."""
    signature = inspect.signature(call)
    named = [parameter for parameter in signature.parameters.values() if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=getattr(kind, "__forward_arg__", kind))
        for name, kind in _types.SynthesisOptions.__annotations__.items()
    ]
    cast(Any, call).__signature__ = signature.replace(parameters=[*named, *options])
    return call


def synthesize_request(
    target: TargetLike, variants: int | None = None, **options: Unpack[_types.SynthesisOptions]
) -> synthesis_pb2.SynthesizeRequest:
    """The request for a target.

    Raises:
        TypeError: An option that does not exist.
        InvalidAddressError: Something in the target is no address.
        InvalidRequestError: A value of the wrong type, or one that the field cannot hold.
        OSError: The picture file to start from cannot be read.
    """
    for name in options.keys() - _types.SynthesisOptions.__annotations__.keys():
        near = difflib.get_close_matches(name, _types.SynthesisOptions.__annotations__, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "a pixel method's own options go to synthesize_pixels"
        raise TypeError(f"there is no option {name!r}: {hint}")
    request = synthesis_pb2.SynthesizeRequest(
        target=target_message(target, options.get("balance"), options.get("readout")),
        determinism=choice("DETERMINISM", options.get("determinism"), get_args(_types.Determinism), field="determinism"),
    )
    values: dict[str, Any] = {**options, "variants": variants}
    for field in _PLAIN_FIELDS:
        if values.get(field) is not None:
            _set(request, field, values[field])
    _set_start(request, options.get("start"))
    return request


def pixels_request(target: TargetLike, variants: int | None = None, **options: Any) -> synthesis_pb2.SynthesizePixelsRequest:
    """The request for a target's picture in pixels; `options` are those of PixelOptions, and the method's own.

    Which options a method has is the server's to say, so any number passes here.

    Raises:
        InvalidAddressError: Something in the target is no address.
        InvalidRequestError: A value of the wrong type, or one that the field cannot hold.
        OSError: The picture file to start from cannot be read.
    """
    request = synthesis_pb2.SynthesizePixelsRequest(
        target=target_message(target, options.get("balance"), options.get("readout")),
        determinism=choice("DETERMINISM", options.get("determinism"), get_args(_types.Determinism), field="determinism"),
    )
    for field, value in {"variants": variants, **{name: options.get(name) for name in ("method", "seed", "preview_interval")}}.items():
        if value is not None:
            _set(request, field, value)
    size = options.get("size")
    for field, side in zip(("height", "width"), size if isinstance(size, tuple | list) else (size, size), strict=True):
        if side is not None:
            _set(request, field, side)
    if (start := options.get("start")) is not None:
        request.start_image = picture_file(start, field="start")
    for name in options.keys() - _types.PixelOptions.__annotations__.keys():
        if options[name] is not None:
            _set_option(request, name, options[name])
    return request


def replay_request(recipe: RecipeLike) -> Request:
    """The request that draws a recipe's picture again.

    Raises:
        InvalidRequestError: It is no recipe.
        OSError: The recipe file cannot be read.
    """
    return read_recipe(recipe).request()


def read_recipe(recipe: RecipeLike) -> _result.Recipe:
    """A recipe from any of its forms: a Recipe, its dict, its JSON text, or a path.

    Raises:
        InvalidRequestError: It is no recipe.
        OSError: The recipe file cannot be read.
    """
    if isinstance(recipe, _result.Recipe):
        return recipe
    if isinstance(recipe, dict):
        return _result.Recipe.from_dict(recipe)
    if isinstance(recipe, str) and recipe.lstrip().startswith("{"):
        return _result.Recipe.from_json(recipe)
    if isinstance(recipe, str | os.PathLike):
        return _result.Recipe.load(recipe)
    raise InvalidRequestError(f"a {type(recipe).__name__} is not a recipe: pass a Recipe, its dict or JSON text, or a path")


def event(response: synthesis_pb2.SynthesizeResponse | synthesis_pb2.SynthesizePixelsResponse) -> _result.Event | None:
    """The event in a stream's message; None where it holds nothing to tell, as a heartbeat does."""
    match response.WhichOneof("event"):
        case "queued":
            return _result.Queued(response.queued.position)
        case "started":
            return _result.Started()
        case "progress":
            return _result.Progress(tuple(map(_variant_progress, response.progress.variants)))
        case "result":
            return result(response.result)
        case _:
            return None


def result(message: synthesis_pb2.Result) -> _result.Result:
    """A finished picture.

    Raises:
        ProtocolError: An array's bytes do not fill its shape, or the picture is not (H, W, 3).
    """
    # Brings numpy, which commands that show no picture do without.
    from dgnam_proto import arrays

    try:
        array, history, code = (arrays.from_message(array) for array in (message.image, message.history, message.code))
    except ValueError as error:
        raise ProtocolError(f"the result cannot be read: {error}") from error
    if array.ndim != 3 or array.shape[2] != 3:
        raise ProtocolError(f"the result cannot be read: its picture has shape {array.shape}, which is not (H, W, 3)")
    return _result.Result(
        variant=message.variant,
        png=message.png,
        array=array,
        activation=message.activation,
        term_activations=tuple(message.term_activations),
        history=history,
        code=code,
        ending=_ENDINGS.get(message.ending, "unknown"),
        recipe=_result.Recipe(message.recipe),
    )


def drawn(request: Request, results: Sequence[_result.Result]) -> _result.Result | list[_result.Result]:
    """What `synthesize` returns for the results of a whole stream.

    Raises:
        ProtocolError: The stream ended before every variant was there.
    """
    wanted = max(request.variants, 1)
    if len(results) != wanted:
        raise ProtocolError(f"the server ended the stream after {len(results)} of {wanted} results")
    return sorted(results, key=lambda result: result.variant) if wanted > 1 else results[0]


def units_request(model: str, tap: str | None, filter: str | None, page_token: str) -> catalog_pb2.ListUnitsRequest:
    """The request for a page of units."""
    return catalog_pb2.ListUnitsRequest(model=model, tap=tap, filter=filter, page_size=UNITS_PER_PAGE, page_token=page_token)


def units(response: catalog_pb2.ListUnitsResponse) -> list[_types.UnitInfo]:
    """One page of units."""
    return [_types.UnitInfo(unit.index, unit.label, unit.address) for unit in response.units]


def models(response: catalog_pb2.ListModelsResponse) -> list[_types.Model]:
    """The models."""
    return [model(message) for message in response.models]


def model(message: catalog_pb2.Model) -> _types.Model:
    """One model.

    Raises:
        ProtocolError: Its training facts are not JSON.
    """
    code = message.code
    try:
        training = json.loads(message.training_json) if message.training_json else None
    except ValueError as error:
        raise ProtocolError(f"the model {message.name} cannot be read: its training facts are not JSON ({error})") from error
    return _types.Model(
        name=message.name,
        role=_ROLES.get(message.role, "unknown"),
        description=message.description,
        licence=message.licence,
        digest=message.digest,
        architecture=message.architecture,
        image_size=(message.image_height, message.image_width),
        output_tap=message.output_tap,
        code=_types.Code(code.size, code.encoder, code.tap, code.start_learning_rate) if message.HasField("code") else None,
        forward_only=message.forward_only,
        taps=tuple(_types.Tap(tap.name, tuple(tap.shape)) for tap in message.taps),
        labels=tuple(message.labels),
        training=training,
    )


def methods(response: catalog_pb2.ListMethodsResponse) -> _types.Methods:
    """The methods and defaults."""
    return _types.Methods(
        methods=tuple(
            _types.Method(
                name=method.name,
                description=method.description,
                citation=method.citation,
                options=tuple(map(_option, method.options)),
                pixels=method.space == catalog_pb2.SPACE_PIXELS,
            )
            for method in response.methods
        ),
        default_method=response.default_method,
        default_prior=response.default_prior,
        default_pixel_method=response.default_pixel_method,
    )


def server_info(response: server_pb2.GetServerInfoResponse) -> _types.ServerInfo:
    """The server's facts."""
    limits = response.limits
    return _types.ServerInfo(
        version=response.version,
        device=response.device,
        precision=response.precision,
        limits=_types.Limits(
            max_steps=limits.max_steps,
            max_terms=limits.max_terms,
            max_variants=limits.max_variants,
            queue_capacity=limits.queue_capacity,
            max_batch_rows=limits.max_batch_rows,
            max_message_bytes=limits.max_message_bytes,
            max_start_image_pixels=limits.max_start_image_pixels,
            max_pixels=limits.max_pixels,
        ),
        versions=dict(response.versions),
        uptime_s=response.uptime_s,
    )


def load(response: server_pb2.GetLoadResponse) -> _types.Load:
    """The server's load."""
    return _types.Load(
        queued_jobs=response.queued_jobs,
        running_jobs=response.running_jobs,
        lanes=tuple(_types.Lane(lane.key, lane.running_rows, lane.waiting_rows) for lane in response.lanes),
        finished_jobs=response.finished_jobs,
        failed_jobs=response.failed_jobs,
        cancelled_jobs=response.cancelled_jobs,
        draining=response.draining,
    )


def health(status: int) -> str:
    """The name of a health status."""
    return _HEALTH.get(status, "UNKNOWN")


def _option(option: catalog_pb2.Option) -> _types.Option:
    default = option.default_value if option.HasField("default_value") else None
    return _types.Option(option.name, option.description, option.minimum, option.maximum, default, option.whole)


def _variant_progress(message: synthesis_pb2.VariantProgress) -> _result.VariantProgress:
    preview = message.preview if message.HasField("preview") else None
    return _result.VariantProgress(message.variant, message.step, message.total_steps, message.activation, preview)


def _set(request: Request, field: str, value: Any) -> None:
    try:
        setattr(request, field, value)
    except (TypeError, ValueError) as error:
        description = f"{value!r} does not fit: {error}"
        raise InvalidRequestError(f"{field}: {description}", violations=[(field, description)]) from None


def _set_start(request: synthesis_pb2.SynthesizeRequest, start: Any) -> None:
    if start is None:
        return
    if is_picture(start):
        request.start_image = picture_file(start, field="start")
    elif hasattr(start, "__array__") or isinstance(start, Iterable):
        _set_start_code(request, start)
    else:
        description = f"a {type(start).__name__} is neither a code nor a picture: pass an array, a PIL image, a path, or a file's bytes"
        raise InvalidRequestError(f"start: {description}", violations=[("start", description)])


def _set_option(request: synthesis_pb2.SynthesizePixelsRequest, name: str, value: Any) -> None:
    try:
        request.options[name] = value
    except (TypeError, ValueError) as error:
        description = f"{value!r} does not fit, a method's options are numbers: {error}"
        raise InvalidRequestError(f"{name}: {description}", violations=[(f"options.{name}", description)]) from None


def _set_start_code(request: synthesis_pb2.SynthesizeRequest, start: Any) -> None:
    from dgnam_proto import arrays

    try:
        code = arrays.to_message(start)
        if len(code.shape) != 1:
            raise ValueError(f"a code is a vector, but this has shape {tuple(code.shape)}; make a PIL image of a picture's array")
    except ValueError as error:
        raise InvalidRequestError(f"start_code: {error}", violations=[("start_code", str(error))]) from None
    request.start_code.CopyFrom(code)
