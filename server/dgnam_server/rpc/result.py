"""Events of a synthesis -> messages of its stream."""

from collections.abc import Mapping
from dataclasses import dataclass

from dgnam_proto import arrays
from dgnam_proto.v1 import synthesis_pb2

from dgnam_server.catalog import Catalog
from dgnam_server.engine.events import Finished, Progress, Queued, Started
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.rpc import payload, percentiles, pictures, recipe, space
from dgnam_server.rpc.mailbox import News
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.space import Request, Response
from dgnam_server.synth.spec import SynthesisSpec

ENDINGS: Mapping[Ending, synthesis_pb2.Ending] = {
    Ending.STEPS_DONE: synthesis_pb2.ENDING_STEPS_DONE,
    Ending.ZERO_GRADIENT: synthesis_pb2.ENDING_ZERO_GRADIENT,
    Ending.NO_GRADIENT: synthesis_pb2.ENDING_NO_GRADIENT,
}


@dataclass(frozen=True, eq=False)
class Writer:
    """Makes the messages of one call."""

    request: Request
    spec: SynthesisSpec
    catalog: Catalog
    provenance: Provenance

    def message(self, event: News | None) -> Response:
        """One event's message, a heartbeat of None; pictures are encoded here."""
        response = space.OF_REQUEST[type(self.request)].response
        match event:
            case None:
                return response(heartbeat=synthesis_pb2.Heartbeat())
            case Queued():
                return response(queued=synthesis_pb2.Queued(position=event.position))
            case Started():
                return response(started=synthesis_pb2.Started())
            case Finished():
                return response(result=self._result(event.row, event.value))
        return response(progress=synthesis_pb2.Progress(variants=[_progress(moved) for moved in event]))

    def _result(self, variant: int, drawn: SynthesisResult) -> synthesis_pb2.Result:
        completed = recipe.complete(self.request, self.spec, variant)
        compared = percentiles.of_terms(self.catalog, self.spec.terms, drawn.term_activations)
        cards, names = self.catalog.cards, sorted(recipe.models(self.spec, self.catalog))
        result = synthesis_pb2.Result(
            variant=variant,
            activation=drawn.activation,
            term_activations=drawn.term_activations.tolist(),
            term_readouts=[term.readout for term in completed.target.terms],
            ending=ENDINGS[drawn.ending],
            gradient_steps=drawn.gradient_steps,
            silent_terms=drawn.silent_terms,
            recipe=recipe.recipe(completed, {name: cards[name].sha256 for name in names}, self.provenance, compared),
        )
        if (start := drawn.start) is not None:
            message = synthesis_pb2.StartRank(rank=start.rank, draws=start.draws, activation=start.activation, percentile=start.percentile)
            result.start_rank.CopyFrom(message)
        include = self.request.include
        if payload.wanted(include, "png"):
            result.png = pictures.encode_png(drawn.image)
        for part in ("image", "history", "code"):
            if payload.wanted(include, part):
                getattr(result, part).CopyFrom(arrays.to_message(getattr(drawn, part)))
        if drawn.alpha is not None and payload.wanted(include, "alpha"):
            result.alpha = pictures.encode_png(drawn.alpha)
        return result


def has_pictures(event: News | None) -> bool:
    """Whether pictures are to be encoded for the event's message, which takes milliseconds."""
    match event:
        case Finished():
            return True
        case tuple():
            return any(moved.preview is not None for moved in event)
    return False


def _progress(moved: Progress) -> synthesis_pb2.VariantProgress:
    message = synthesis_pb2.VariantProgress(variant=moved.row, step=moved.step, total_steps=moved.total_steps, activation=moved.activation)
    if moved.preview is not None:
        message.preview = pictures.encode_png(moved.preview)
    return message
