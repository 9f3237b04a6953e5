"""Requests about the server's models, methods and itself, and answers -> records."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Literal

from dgnam_proto.v1 import catalog_pb2, server_pb2
from google.protobuf import wrappers_pb2

from .._catalog import Code, Method, Methods, Model, Option, Tap, UnitInfo
from .._errors import ProtocolError
from .._receptive_field import ReceptiveField
from .._server import Lane, Limits, Load, OwnLoad, ServerInfo

UNITS_PER_PAGE = 1000
_ROLES: dict[int, Literal["classifier", "prior"]] = {catalog_pb2.ROLE_CLASSIFIER: "classifier", catalog_pb2.ROLE_PRIOR: "prior"}
# The health protocol's numbers.
_HEALTH = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


def models_request() -> catalog_pb2.ListModelsRequest:
    """The request for the models."""
    return catalog_pb2.ListModelsRequest()


def model_request(name: str) -> catalog_pb2.GetModelRequest:
    """The request for one model."""
    return catalog_pb2.GetModelRequest(name=name)


def methods_request() -> catalog_pb2.ListMethodsRequest:
    """The request for the methods."""
    return catalog_pb2.ListMethodsRequest()


def server_info_request() -> server_pb2.GetServerInfoRequest:
    """The request for the server's facts."""
    return server_pb2.GetServerInfoRequest()


def load_request() -> server_pb2.GetLoadRequest:
    """The request for the server's load."""
    return server_pb2.GetLoadRequest()


def health_request(service: str) -> wrappers_pb2.StringValue:
    """The request of the standard health check; the wrapper type has its encoding: a text as field 1."""
    return wrappers_pb2.StringValue(value=service)


def units_request(model: str, tap: str | None, filter: str | None, page_token: str) -> catalog_pb2.ListUnitsRequest:
    """The request for a page of units."""
    return catalog_pb2.ListUnitsRequest(model=model, tap=tap, filter=filter, page_size=UNITS_PER_PAGE, page_token=page_token)


def units(response: catalog_pb2.ListUnitsResponse) -> list[UnitInfo]:
    """One page of units."""
    return [UnitInfo(unit.index, unit.label, unit.address) for unit in response.units]


def models(response: catalog_pb2.ListModelsResponse) -> list[Model]:
    """The models."""
    return [model(message) for message in response.models]


def model(message: catalog_pb2.Model) -> Model:
    """One model.

    Raises:
        ProtocolError: Its training facts are not JSON.
    """
    try:
        training = json.loads(message.training_json) if message.training_json else None
    except ValueError as error:
        raise ProtocolError(f"the model {message.name} cannot be read: its training facts are not JSON ({error})") from error
    return Model(
        name=message.name,
        role=_ROLES.get(message.role, "unknown"),
        description=message.description,
        licence=message.licence,
        digest=message.digest,
        architecture=message.architecture,
        image_size=(message.image_height, message.image_width),
        output_tap=message.output_tap,
        code=_code(message.code) if message.HasField("code") else None,
        forward_only=message.forward_only,
        indices=tuple(message.indices),
        default_projection=message.default_projection,
        taps=tuple(Tap(tap.name, tuple(tap.shape)) for tap in message.taps),
        labels=tuple(message.labels),
        training=training,
    )


def field_request(model: str, tap: str) -> catalog_pb2.GetModelRequest:
    """The request for what a tap's positions see."""
    return catalog_pb2.GetModelRequest(name=model, receptive_fields_of=[tap])


def receptive_field(tap: str, response: catalog_pb2.GetModelResponse) -> ReceptiveField | None:
    """What the positions of a tap see; None where that is not told.

    Raises:
        ProtocolError: Its numbers do not belong together.
    """
    message = next((one for one in response.model.taps if one.name == tap), catalog_pb2.Tap())
    if not message.HasField("receptive_field"):
        return None
    field = message.receptive_field
    try:
        return ReceptiveField(tuple(zip(field.top, field.bottom, strict=True)), tuple(zip(field.left, field.right, strict=True)))
    except ValueError as error:
        raise ProtocolError(f"the receptive field of {tap} cannot be read: {error}") from error


def methods(response: catalog_pb2.ListMethodsResponse) -> Methods:
    """The methods and defaults."""
    return Methods(
        methods=tuple(map(_method, response.methods)),
        default_method=response.default_method,
        default_prior=response.default_prior,
        default_pixel_method=response.default_pixel_method,
        projections=tuple(map(_method, response.projections)),
        default_projection=response.default_projection,
    )


def server_info(response: server_pb2.GetServerInfoResponse) -> ServerInfo:
    """The server's facts."""
    return ServerInfo(
        version=response.version,
        device=response.device,
        precision=response.precision,
        limits=Limits(**{limit.name: getattr(response.limits, limit.name) for limit in fields(Limits)}),
        versions=dict(response.versions),
        uptime_s=response.uptime_s,
    )


def load(response: server_pb2.GetLoadResponse) -> Load:
    """The server's load."""
    return Load(
        queued_jobs=response.queued_jobs,
        running_jobs=response.running_jobs,
        lanes=tuple(Lane(lane.key, lane.running_rows, lane.waiting_rows) for lane in response.lanes),
        finished_jobs=response.finished_jobs,
        failed_jobs=response.failed_jobs,
        cancelled_jobs=response.cancelled_jobs,
        draining=response.draining,
        memory_bytes=response.memory_bytes,
        own=OwnLoad(**{fact.name: getattr(response.own, fact.name) for fact in fields(OwnLoad)}),
    )


def health(status: int) -> str:
    """The name of a health status."""
    return _HEALTH.get(status, "UNKNOWN")


def _code(code: catalog_pb2.Code) -> Code:
    defaults = {method: dict(options.values) for method, options in code.option_defaults.items()}
    return Code(code.size, code.encoder, code.tap, code.start_learning_rate, defaults)


def _method(method: catalog_pb2.Method) -> Method:
    return Method(
        name=method.name,
        description=method.description,
        citation=method.citation,
        options=tuple(map(option, method.options)),
        pixels=method.space == catalog_pb2.SPACE_PIXELS,
    )


def option(option: catalog_pb2.Option) -> Option:
    """A tunable."""
    default = option.default_value if option.HasField("default_value") else None
    return Option(option.name, option.description, option.minimum, option.maximum, default, option.integer, option.part)
