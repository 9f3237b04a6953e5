"""Events, models and methods -> messages: the way back. All pure; what a Result's recipe says is settled here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dgnam_models import ModelCard
from dgnam_proto import arrays
from dgnam_proto.v1 import catalog_pb2, server_pb2, synthesis_pb2
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest, SynthesizeResponse

from dgnam_server.catalog import Catalog
from dgnam_server.config import Config
from dgnam_server.engine.engine import Load
from dgnam_server.engine.job import Ending, Finished, Progress, Queued, Started
from dgnam_server.rpc import lookup, pictures, translate
from dgnam_server.rpc.units import Page
from dgnam_server.synth.methods import DEFAULT_METHOD, METHODS, Method, Option
from dgnam_server.synth.spec import SynthesisSpec

ENDINGS: Mapping[Ending, synthesis_pb2.Ending] = {
    Ending.STEPS_DONE: synthesis_pb2.ENDING_STEPS_DONE,
    Ending.ZERO_GRADIENT: synthesis_pb2.ENDING_ZERO_GRADIENT,
}
_ROLES = {"classifier": catalog_pb2.ROLE_CLASSIFIER, "prior": catalog_pb2.ROLE_PRIOR}
HEARTBEAT = SynthesizeResponse(heartbeat=synthesis_pb2.Heartbeat())

Moved = tuple[Progress, ...]  # the variants that moved, each with its latest state


@dataclass(frozen=True)
class Provenance:
    """Where results come from: versions of libraries, the device's name, the precision networks run in."""

    versions: Mapping[str, str]
    device: str
    precision: str


@dataclass(frozen=True, eq=False)
class Answer:
    """Makes the messages of one Synthesize call."""

    request: SynthesizeRequest
    spec: SynthesisSpec
    catalog: Catalog
    provenance: Provenance

    def message(self, event: Queued | Started | Moved | Finished) -> SynthesizeResponse:
        """One event's message; pictures are encoded here."""
        match event:
            case Queued():
                return SynthesizeResponse(queued=synthesis_pb2.Queued(position=event.position))
            case Started():
                return SynthesizeResponse(started=synthesis_pb2.Started())
            case Finished():
                return SynthesizeResponse(result=self._result(event))
        return SynthesizeResponse(progress=synthesis_pb2.Progress(variants=[_progress(moved) for moved in event]))

    def _result(self, event: Finished) -> synthesis_pb2.Result:
        return synthesis_pb2.Result(
            variant=event.variant,
            png=pictures.encode_png(event.image),
            image=arrays.to_message(event.image),
            activation=event.activation,
            term_activations=event.term_activations.tolist(),
            history=arrays.to_message(event.history),
            code=arrays.to_message(event.code),
            ending=ENDINGS[event.ending],
            recipe=self._recipe(event.variant),
        )

    def _recipe(self, variant: int) -> synthesis_pb2.Recipe:
        used = {term.unit.model for term in self.spec.terms} | {self.spec.prior}
        code = self.catalog.generators[self.spec.prior].card.code
        if self.spec.start.image is not None and code is not None:
            used.add(code.encoder)
        cards = self.catalog.cards
        return synthesis_pb2.Recipe(
            request=complete(self.request, self.spec, variant),
            model_digests={name: cards[name].sha256 for name in sorted(used)},
            versions=dict(self.provenance.versions),
            device=self.provenance.device,
        )


def complete(request: SynthesizeRequest, spec: SynthesisSpec, variant: int) -> SynthesizeRequest:
    """The request that draws this one variant again: every default filled in, and no previews."""
    filled = SynthesizeRequest()
    filled.CopyFrom(request)
    for term, known in zip(filled.target.terms, spec.terms, strict=True):
        term.weight = known.weight
        term.readout = _key(translate.READOUTS, known.readout)  # type: ignore[assignment]
    filled.target.balance = _key(translate.BALANCES, spec.balance)  # type: ignore[assignment]
    filled.determinism = _key(translate.STRICTNESS, spec.strict)  # type: ignore[assignment]
    filled.prior, filled.method = spec.prior, spec.method
    for option in METHODS[spec.method].options:
        setattr(filled, option.name, spec.settings[option.name])
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
        methods=[_method(method, max_steps) for method in METHODS.values()], default_method=DEFAULT_METHOD, default_prior=default_prior
    )


def info(
    config: Config, provenance: Provenance, batch_rows: int, max_message_bytes: int, uptime_s: float
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
    message = synthesis_pb2.VariantProgress(
        variant=moved.variant, step=moved.step, total_steps=moved.total_steps, activation=moved.activation
    )
    if moved.preview is not None:
        message.preview = pictures.encode_png(moved.preview)
    return message


def _method(method: Method, max_steps: int) -> catalog_pb2.Method:
    options = [_option(option, max_steps) for option in method.options]
    return catalog_pb2.Method(name=method.name, description=method.description, citation=method.citation, options=options)


def _option(option: Option, max_steps: int) -> catalog_pb2.Option:
    maximum = translate.largest(option, max_steps)
    message = catalog_pb2.Option(name=option.name, description=option.description, minimum=option.minimum, maximum=maximum)
    if option.default is not None:
        message.default_value = min(option.default, maximum)
    return message


def _key(table: Mapping[int, object], value: object) -> int:
    return next(key for key, known in table.items() if known == value)
