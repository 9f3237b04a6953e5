"""Events, models and methods -> messages: the way back. All pure; what a Result's recipe says is settled here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from dgnam_models import ModelCard
from dgnam_proto import arrays
from dgnam_proto.v1 import catalog_pb2, server_pb2, synthesis_pb2
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizePixelsResponse, SynthesizeRequest, SynthesizeResponse

from dgnam_server.catalog import Catalog
from dgnam_server.engine.events import Finished, Progress, Queued, Started
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.engine.load import Load
from dgnam_server.rpc import lookup, pictures, translate
from dgnam_server.rpc.units import Page
from dgnam_server.settings import Settings
from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, METHODS, Method, Option
from dgnam_server.synth.spec import SynthesisSpec

ENDINGS: Mapping[Ending, synthesis_pb2.Ending] = {
    Ending.STEPS_DONE: synthesis_pb2.ENDING_STEPS_DONE,
    Ending.ZERO_GRADIENT: synthesis_pb2.ENDING_ZERO_GRADIENT,
}
_ROLES = {"classifier": catalog_pb2.ROLE_CLASSIFIER, "prior": catalog_pb2.ROLE_PRIOR}

Request = TypeVar("Request", SynthesizeRequest, SynthesizePixelsRequest)
Response = SynthesizeResponse | SynthesizePixelsResponse
Moved = tuple[Progress, ...]  # the variants that moved, each with its latest state


@dataclass(frozen=True)
class Provenance:
    """Where results come from: versions of libraries, the device's name, the precision networks run in."""

    versions: Mapping[str, str]
    device: str
    precision: str


@dataclass(frozen=True, eq=False)
class Answer:
    """Makes the messages of one Synthesize or SynthesizePixels call."""

    request: SynthesizeRequest | SynthesizePixelsRequest
    spec: SynthesisSpec
    catalog: Catalog
    provenance: Provenance

    def message(self, event: Queued | Started | Moved | Finished) -> Response:
        """One event's message; pictures are encoded here."""
        match event:
            case Queued():
                return self._response(queued=synthesis_pb2.Queued(position=event.position))
            case Started():
                return self._response(started=synthesis_pb2.Started())
            case Finished():
                return self._response(result=self._result(event))
        return self._response(progress=synthesis_pb2.Progress(variants=[_progress(moved) for moved in event]))

    def heartbeat(self) -> Response:
        """The message of a silence."""
        return self._response(heartbeat=synthesis_pb2.Heartbeat())

    def _response(self, **event: Any) -> Response:
        kind = SynthesizeResponse if isinstance(self.request, SynthesizeRequest) else SynthesizePixelsResponse
        return kind(**event)

    def _result(self, event: Finished) -> synthesis_pb2.Result:
        result: SynthesisResult = event.value
        return synthesis_pb2.Result(
            variant=event.row,
            png=pictures.encode_png(result.image),
            image=arrays.to_message(result.image),
            activation=result.activation,
            term_activations=result.term_activations.tolist(),
            history=arrays.to_message(result.history),
            code=arrays.to_message(result.code),
            ending=ENDINGS[result.ending],
            recipe=self._recipe(event.row),
        )

    def _recipe(self, variant: int) -> synthesis_pb2.Recipe:
        cards = self.catalog.cards
        recipe = synthesis_pb2.Recipe(
            model_digests={name: cards[name].sha256 for name in sorted(self._models())},
            versions=dict(self.provenance.versions),
            device=self.provenance.device,
        )
        if isinstance(self.request, SynthesizeRequest):
            recipe.request.CopyFrom(complete(self.request, self.spec, variant))
        else:
            recipe.pixels.CopyFrom(complete_pixels(self.request, self.spec, variant))
        return recipe

    def _models(self) -> set[str]:
        """Those that took part."""
        used = {term.unit.model for term in self.spec.terms}
        if not self.spec.prior:
            return used
        code = self.catalog.generators[self.spec.prior].card.code
        encoded = self.spec.start.image is not None or "encoder" in METHODS[self.spec.method].needs(self.spec.settings)
        if code is not None and code.encoder and encoded:
            used.add(code.encoder)
        return used | {self.spec.prior}


def complete(request: SynthesizeRequest, spec: SynthesisSpec, variant: int) -> SynthesizeRequest:
    """The request that draws this one variant again: every default filled in, and no previews."""
    filled = _completed(request, spec, variant)
    filled.prior = spec.prior
    for option in METHODS[spec.method].options:
        setattr(filled, option.name, spec.settings[option.name])
    return filled


def complete_pixels(request: SynthesizePixelsRequest, spec: SynthesisSpec, variant: int) -> SynthesizePixelsRequest:
    """The request that draws this one variant again: every default filled in, and no previews."""
    filled = _completed(request, spec, variant)
    filled.options.update(spec.settings)
    filled.height, filled.width = spec.size
    return filled


def _completed(request: Request, spec: SynthesisSpec, variant: int) -> Request:
    """What the two kinds of request have in common."""
    filled = type(request)()
    filled.CopyFrom(request)
    for term, known in zip(filled.target.terms, spec.terms, strict=True):
        term.weight = known.weight
        if known.readout in translate.READOUTS.values():  # else the unit itself says what is read
            term.readout = _key(translate.READOUTS, known.readout)  # type: ignore[assignment]
    filled.target.balance = _key(translate.BALANCES, spec.balance)  # type: ignore[assignment]
    filled.determinism = _key(translate.STRICTNESS, spec.strict)  # type: ignore[assignment]
    filled.method = spec.method
    filled.seed = spec.seed + variant
    filled.variants = 1
    filled.ClearField("preview_interval")
    return filled


def model(card: ModelCard, full: bool) -> catalog_pb2.Model:
    """A model's card; `full` adds taps, labels and how it was trained."""
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
    )
    if card.code is not None:
        code = card.code
        message.code.CopyFrom(
            catalog_pb2.Code(size=len(code.mean), encoder=code.encoder, tap=code.tap, start_learning_rate=code.start_learning_rate)
        )
    if full:
        message.taps.extend(catalog_pb2.Tap(name=tap.name, shape=tap.shape) for tap in card.taps)
        message.labels.extend(card.labels)
        message.training_json = json.dumps(card.training, default=str, sort_keys=True)
    return message


def units(page: Page) -> catalog_pb2.ListUnitsResponse:
    """A page of units."""
    labels = lookup.labels_of(page.card, page.tap)
    return catalog_pb2.ListUnitsResponse(
        units=[
            catalog_pb2.UnitInfo(index=index, label=labels[index] if labels else "", address=f"{page.card.name}:{page.tap.name}:{index}")
            for index in page.indices
        ],
        next_page_token=page.next_token,
        total_size=page.total,
    )


def methods(default_prior: str, max_steps: int) -> catalog_pb2.ListMethodsResponse:
    """Every method with its options; the most steps are the server's."""
    return catalog_pb2.ListMethodsResponse(
        methods=[_method(method, max_steps) for method in METHODS.values()],
        default_method=DEFAULT_METHOD,
        default_prior=default_prior,
        default_pixel_method=DEFAULT_PIXEL_METHOD,
    )


def info(
    config: Settings, provenance: Provenance, batch_rows: int, max_message_bytes: int, uptime_s: float
) -> server_pb2.GetServerInfoResponse:
    """The server and its limits."""
    return server_pb2.GetServerInfoResponse(
        version=provenance.versions["dgnam"],
        device=provenance.device,
        precision=provenance.precision,
        limits=server_pb2.Limits(
            max_steps=config.max_steps,
            max_terms=config.max_terms,
            max_variants=config.max_variants,
            queue_capacity=config.queue_capacity,
            max_batch_rows=batch_rows,
            max_message_bytes=max_message_bytes,
            max_start_image_pixels=config.max_start_image_pixels,
            max_pixels=config.max_pixels,
        ),
        versions=dict(provenance.versions),
        uptime_s=uptime_s,
    )


def load(load: Load) -> server_pb2.GetLoadResponse:
    """A snapshot of the engine."""
    return server_pb2.GetLoadResponse(
        queued_jobs=load.queued_jobs,
        running_jobs=load.running_jobs,
        lanes=[server_pb2.LaneLoad(key=lane.key, running_rows=lane.running_rows, waiting_rows=lane.waiting_rows) for lane in load.lanes],
        finished_jobs=load.finished_jobs,
        failed_jobs=load.failed_jobs,
        cancelled_jobs=load.cancelled_jobs,
        draining=load.draining,
    )


def _progress(moved: Progress) -> synthesis_pb2.VariantProgress:
    message = synthesis_pb2.VariantProgress(variant=moved.row, step=moved.step, total_steps=moved.total_steps, activation=moved.activation)
    if moved.preview is not None:
        message.preview = pictures.encode_png(moved.preview)
    return message


def _method(method: Method, max_steps: int) -> catalog_pb2.Method:
    options = [_option(option, max_steps) for option in method.options]
    space = catalog_pb2.SPACE_CODE if method.draws_with_a_generator else catalog_pb2.SPACE_PIXELS
    return catalog_pb2.Method(name=method.name, description=method.description, citation=method.citation, options=options, space=space)


def _option(option: Option, max_steps: int) -> catalog_pb2.Option:
    maximum = translate.largest(option, max_steps)
    message = catalog_pb2.Option(
        name=option.name, description=option.description, minimum=option.minimum, maximum=maximum, whole=option.integer
    )
    if option.default is not None:
        message.default_value = min(option.default, maximum)
    return message


def _key(table: Mapping[int, object], value: object) -> int:
    return next(key for key, known in table.items() if known == value)
