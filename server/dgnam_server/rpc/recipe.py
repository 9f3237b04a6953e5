"""A result's recipe: the request with every default filled in, and what else it takes to draw the picture again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dgnam_models import ModelCard
from dgnam_proto.v1.analysis_pb2 import AnalysisRecipe, OccludeRequest, ProjectRequest, TransformRequest
from dgnam_proto.v1.synthesis_pb2 import Determinism, Percentile, Recipe, SynthesizeRequest

from dgnam_server.catalog import Catalog
from dgnam_server.rpc import request, space, target
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.space import Request
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.spec import SynthesisSpec

# Which field of an AnalysisRecipe a request goes to.
ANALYSES: Mapping[type, str] = {ProjectRequest: "project", OccludeRequest: "occlude", TransformRequest: "transform"}


@dataclass(frozen=True)
class Provenance:
    """Where results come from: versions of libraries, the device's name, the precision networks run in."""

    versions: Mapping[str, str]
    device: str
    precision: str

    def analysis(self, card: ModelCard, completed: ProjectRequest | OccludeRequest | TransformRequest) -> AnalysisRecipe:
        """All it takes to make a completed analysis by the network of `card` again."""
        message = AnalysisRecipe(model_digests={card.name: card.sha256}, versions=self.versions, device=self.device)
        getattr(message, ANALYSES[type(completed)]).CopyFrom(completed)
        return message


def recipe(completed: Request, digests: Mapping[str, str], provenance: Provenance, percentiles: Sequence[Percentile] = ()) -> Recipe:
    """All it takes to draw the picture of a completed request again, and how its activations compare with photographs'."""
    message = Recipe(model_digests=digests, versions=dict(provenance.versions), device=provenance.device, percentiles=percentiles)
    getattr(message, space.OF_REQUEST[type(completed)].recipe).CopyFrom(completed)
    return message


def complete(asked: Request, spec: SynthesisSpec, variant: int) -> Request:
    """The request that draws this one variant again: every default filled in, and nothing that changes no picture."""
    filled = type(asked).FromString(asked.SerializeToString())
    for name in ("preview_interval", "include", "priority", "queue_timeout_s"):
        filled.ClearField(name)
    for message, term in zip(filled.target.terms, spec.terms, strict=True):
        message.weight = term.weight
        if term.readout in target.READOUTS.values():  # else the unit itself says what is read
            message.readout = _number(target.READOUTS, term.readout)  # type: ignore[assignment]
    filled.target.balance = _number(target.BALANCES, spec.balance)  # type: ignore[assignment]
    filled.determinism = _number(request.STRICTNESS, spec.strict)  # type: ignore[assignment]
    filled.method = spec.method
    filled.options.update(spec.settings)
    filled.seed, filled.variants = spec.seed + variant, 1
    filled.height, filled.width = spec.size
    filled.fit = _number(request.FITS, spec.fit)  # type: ignore[assignment]
    if isinstance(filled, SynthesizeRequest):
        filled.prior = spec.prior
    return filled


def models(spec: SynthesisSpec, catalog: Catalog) -> set[str]:
    """The names of the models that took part."""
    used = {term.unit.model for term in spec.terms}
    if not spec.prior:
        return used
    code = catalog.generators[spec.prior].card.code
    encoded = spec.start.image is not None or "encoder" in METHODS[spec.method].needs(spec.settings)
    if code is not None and code.encoder and encoded:
        used.add(code.encoder)
    return used | {spec.prior}


def strict(reader: Reader, value: int) -> bool:
    """Whether a request's determinism is the strict one."""
    return reader.choice(value, request.STRICTNESS, Determinism) or False


def strictness(strict: bool) -> Determinism:
    """The wire's word for it."""
    return _number(request.STRICTNESS, strict)  # type: ignore[return-value]


def _number(meanings: Mapping[int, object], meaning: object) -> int:
    return next(number for number, known in meanings.items() if known == meaning)
