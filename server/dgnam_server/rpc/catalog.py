"""CatalogService: models, their units, the methods."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dgnam_models import ModelCard
from dgnam_models.receptive_field import ReceptiveField
from dgnam_proto.v1 import catalog_pb2, catalog_pb2_grpc
from grpc import aio

from dgnam_server.analysis import DEFAULT_PROJECTION, PROJECTIONS
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import lookup, options, space, units
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.settings import Settings
from dgnam_server.synth.methods import METHODS, Method, Option

Context = aio.ServicerContext[Any, Any]
_ROLES = {"classifier": catalog_pb2.ROLE_CLASSIFIER, "prior": catalog_pb2.ROLE_PRIOR}


@dataclass(frozen=True, eq=False)
class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """Tells what a request may name."""

    catalog: Catalog
    limits: Settings
    fields: ReceptiveFields = field(default_factory=ReceptiveFields)

    async def ListModels(self, request: catalog_pb2.ListModelsRequest, context: Context) -> catalog_pb2.ListModelsResponse:  # noqa: N802
        """Every model, briefly."""
        return catalog_pb2.ListModelsResponse(models=[self._model(card) for card in self.catalog.cards.values()])

    async def GetModel(self, request: catalog_pb2.GetModelRequest, context: Context) -> catalog_pb2.GetModelResponse:  # noqa: N802
        """One model in full."""
        reader = Reader(self.catalog, self.limits)
        card = lookup.card(reader.at("name"), request.name)
        fields = list(dict.fromkeys(request.receptive_fields_of))
        if card is not None:
            for index, name in enumerate(request.receptive_fields_of):
                lookup.tap(reader.at("receptive_fields_of", index), card, name)
        reader.raise_any()
        assert card is not None
        message = self._model(card, full=True)
        for tap in message.taps:
            if tap.name in fields and (found := await self.fields.of(self.catalog.networks[card.name], tap.name)) is not None:
                tap.receptive_field.CopyFrom(field_message(found))
        return catalog_pb2.GetModelResponse(model=message)

    async def ListUnits(self, request: catalog_pb2.ListUnitsRequest, context: Context) -> catalog_pb2.ListUnitsResponse:  # noqa: N802
        """A page of a tap's units."""
        return units.message(units.page(Reader(self.catalog, self.limits), request))

    async def ListMethods(self, request: catalog_pb2.ListMethodsRequest, context: Context) -> catalog_pb2.ListMethodsResponse:  # noqa: N802
        """Every method with its options."""
        return methods(self.catalog.default_prior, self.limits.max_steps)

    def _model(self, card: ModelCard, full: bool = False) -> catalog_pb2.Model:
        message = model(card, full, [index.name for index in self.catalog.indices.of.get(card.name, ())])
        if card.name in self.catalog.networks:
            message.default_projection = self.catalog.projection_for(card.name)
        return message


def model(card: ModelCard, full: bool, indices: Sequence[str] = ()) -> catalog_pb2.Model:
    """A model's card, and the names of the indices of it; `full` adds taps, labels and how it was trained."""
    height, width = card.preprocessing.size
    message = catalog_pb2.Model(
        name=card.name,
        role=_ROLES[card.role],
        description=card.description,
        licence=card.licence,
        digest=card.sha256,
        architecture=card.architecture,
        image_height=height,
        image_width=width,
        output_tap=card.output_tap,
        forward_only=card.forward_only,
        indices=indices,
    )
    if (code := card.code) is not None:
        size, rate = len(code.mean), code.start_learning_rate
        defaults = {method: catalog_pb2.OptionDefaults(values=values) for method, values in card.options.items()}
        message.code.CopyFrom(
            catalog_pb2.Code(size=size, encoder=code.encoder, tap=code.tap, start_learning_rate=rate, option_defaults=defaults)
        )
    if full:
        message.taps.extend(catalog_pb2.Tap(name=tap.name, shape=tap.shape) for tap in card.taps)
        message.labels.extend(card.labels)
        message.training_json = json.dumps(card.training, default=str, sort_keys=True)
    return message


def field_message(found: ReceptiveField) -> catalog_pb2.ReceptiveField:
    """What the positions of a map see."""
    (top, bottom), (left, right) = zip(*found.rows, strict=True), zip(*found.columns, strict=True)
    return catalog_pb2.ReceptiveField(top=top, bottom=bottom, left=left, right=right)


def methods(default_prior: str, max_steps: int) -> catalog_pb2.ListMethodsResponse:
    """Every method with its options; the most steps are the server's."""
    return catalog_pb2.ListMethodsResponse(
        methods=[_method(method, max_steps) for method in METHODS.values()],
        default_method=space.CODE.default_method,
        default_prior=default_prior,
        default_pixel_method=space.PIXELS.default_method,
        projections=[
            catalog_pb2.Method(
                name=method.name,
                description=method.description,
                citation=method.citation,
                options=[option(tunable, options.largest(tunable, max_steps)) for tunable in method.options],
            )
            for method in PROJECTIONS.values()
        ],
        default_projection=DEFAULT_PROJECTION,
    )


def _method(method: Method, max_steps: int) -> catalog_pb2.Method:
    return catalog_pb2.Method(
        name=method.name,
        description=method.description,
        citation=method.citation,
        options=[option(tunable, options.largest(tunable, max_steps)) for tunable in method.options],
        space=space.of(method).number,
    )


def option(option: Option, most: float) -> catalog_pb2.Option:
    """An option, of which at most `most` may be asked for."""
    message = catalog_pb2.Option(
        name=option.name,
        description=option.description,
        minimum=option.minimum,
        maximum=most,
        integer=option.integer,
        part=option.part,
    )
    if option.default is not None:
        message.default_value = min(option.default, most)
    return message
