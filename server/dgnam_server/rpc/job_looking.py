"""A claimed analysis -> its picture: a unit's photograph, its projection or its occlusion, behind everybody's own requests."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from dgnam_proto.v1.analysis_pb2 import AnalysisRecipe, OccludeRequest, Place
from dgnam_proto.v1.jobs_pb2 import GetJobPictureResponse, JobAnalyses

from dgnam_server.engine.events import Started
from dgnam_server.engine.job import Standing
from dgnam_server.engine.work import Work
from dgnam_server.jobs.claims import Claim, Drawn
from dgnam_server.rpc import exemplars, job_analyses, occlude, project
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import News, Pace
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.submission import Submitter


class _Writer(Protocol):
    def message(self, event: News | None) -> Any:
        """One event's message."""


@dataclass(frozen=True, eq=False)
class Looking:
    """Makes the pictures that are not drawn but looked for."""

    submitter: Submitter
    provenance: Provenance
    fields: ReceptiveFields
    standing: Standing
    pace: Pace

    async def __call__(self, claim: Claim, started: Callable[[], None]) -> Drawn:
        """Make one; its seed is the photograph's rank."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        asked, place = JobAnalyses.FromString(claim.request), Place.FromString(claim.target)
        asked.exemplars.place.CopyFrom(place)
        asked.exemplars.count = claim.seed
        shown = await pools.check(exemplars.read, reader, asked.exemplars)
        shown = await exemplars.pictured(reader, replace(shown, exemplars=shown.exemplars[-1:]), pools, self.fields)
        kept = GetJobPictureResponse(exemplar=shown.message(0))
        photograph, kept.exemplar.seen, kept.exemplar.rank = kept.exemplar.seen, b"", claim.seed
        match claim.kind:
            case job_analyses.EXEMPLAR:
                started()
                png = photograph
            case job_analyses.PROJECTION:
                png = await self._projected(asked, shown, photograph, kept, started)
            case _:
                png = await self._occluded(reader, asked, place, photograph, kept, started)
        return Drawn(claim.id, png, kept.SerializeToString(), kept.exemplar.activation, None, 0)

    async def _projected(
        self, asked: JobAnalyses, shown: exemplars.Shown, photograph: bytes, kept: GetJobPictureResponse, started: Callable[[], None]
    ) -> bytes:
        spec = shown.projection
        assert spec is not None
        work = self.submitter.builder.projection(spec)
        request = exemplars.project_request(asked.exemplars)
        request.images.append(photograph)
        found = (await self._result(work, project.Writer(request, spec, work.network, self.provenance), started)).result
        png: bytes = found.png
        _strip(found, found.recipe, "png", "seen", "values")
        kept.exemplar.projection.CopyFrom(found)
        return png

    async def _occluded(
        self, reader: Reader, asked: JobAnalyses, place: Place, photograph: bytes, kept: GetJobPictureResponse, started: Callable[[], None]
    ) -> bytes:
        request = OccludeRequest.FromString(asked.occlusion.SerializeToString())
        request.places.append(place)
        request.images.append(photograph)
        pools = self.submitter.pools
        spec = await occlude.pictured(reader, request, await pools.check(occlude.read, reader, request), pools.decoder.decode)
        work = self.submitter.builder.occlusion(spec)
        found = (await self._result(work, occlude.Writer(request, spec, work, self.provenance), started)).result
        of_class = place.tap == work.network.card.output_tap
        png: bytes = found.probability_png if of_class else found.activation_png
        _strip(found, found.recipe, "activation_png", "probability_png", "classes_png", "seen")
        kept.occlusion.CopyFrom(found)
        return png

    async def _result(self, work: Work, writer: _Writer, started: Callable[[], None]) -> Any:
        """The message with the result."""
        async with aclosing(self.submitter.news(work, self.standing, self.pace)) as news:
            async for event in news:
                if isinstance(event, Started):
                    started()
                message = await self.submitter.pools.encode(writer.message, event)
                if message is not None and message.HasField("result"):
                    return message
        raise RuntimeError("the engine ended without a result")


def _strip(found: Any, recipe: AnalysisRecipe, *names: str) -> None:
    """Leave out what takes room and is kept elsewhere: files, and in the recipe the photograph."""
    for name in names:
        found.ClearField(name)
    kind = recipe.WhichOneof("request")
    if kind is not None:
        getattr(recipe, kind).ClearField("images")
