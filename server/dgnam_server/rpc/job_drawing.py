"""A claimed picture -> its Result: what a Synthesize of one variant would send, drawn behind everybody's own requests. Analyses are
made by job_looking.py."""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from dgnam_proto.v1.synthesis_pb2 import Include, Result, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target

from dgnam_server.catalog import Catalog
from dgnam_server.engine.events import Finished, Started
from dgnam_server.engine.job import Standing
from dgnam_server.engine.load import Draining, Overloaded
from dgnam_server.engine.scheduler import Priority
from dgnam_server.jobs.claims import Claim, Drawn
from dgnam_server.jobs.runner import Impossible, Postponed
from dgnam_server.rpc import errors, job_analyses, request
from dgnam_server.rpc.job_looking import Looking
from dgnam_server.rpc.mailbox import Pace
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.result import Writer
from dgnam_server.rpc.space import OF_REQUEST, Request
from dgnam_server.rpc.submission import Submitter

CLIENT = "jobs"  # as which all jobs share the device with clients
_STANDING = Standing(CLIENT, Priority.BATCH)
_PACE = Pace(progress_s=3600.0, heartbeat_s=3600.0)  # nobody watches the steps
_KINDS: Mapping[str, type[Request]] = {OF_REQUEST[kind].recipe: kind for kind in (SynthesizeRequest, SynthesizePixelsRequest)}
_INCLUDE = Include(png=True, image=False, code=False, history=False, alpha=False)


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draws claimed pictures."""

    submitter: Submitter
    provenance: Provenance
    fields: ReceptiveFields

    async def __call__(self, claim: Claim, started: Callable[[], None]) -> Drawn:
        """Draw one; `started` is called once it has joined a batch.

        Raises:
            Postponed: the server has no room, or stops.
            Impossible: it can never be drawn.
            ServerError: it could not be drawn this time.
        """
        try:
            return await self._drawn(claim, started)
        except (errors.ShuttingDown, errors.NotReady, errors.QueueFull, errors.QueueTimeout, Overloaded, Draining) as error:
            raise Postponed(str(error)) from error
        except (errors.InvalidRequest, errors.NotFound, errors.FailedPrecondition, errors.OutOfMemory) as error:
            raise Impossible(error.message) from error
        except Exception as error:
            raise errors.explain(error) from error

    async def _drawn(self, claim: Claim, started: Callable[[], None]) -> Drawn:
        if claim.kind in job_analyses.KINDS:
            return await Looking(self.submitter, self.provenance, self.fields, _STANDING, _PACE)(claim, started)
        pools, reader, asked = self.submitter.pools, self.submitter.reader(), _request(claim)
        spec = await request.pictured(reader, asked, await pools.check(request.read, reader, asked), pools.decoder.decode)
        builder = self.submitter.builder
        writer = Writer(asked, spec, builder.catalog, self.provenance)
        async with aclosing(self.submitter.news(builder.synthesis(spec), _STANDING, _PACE)) as news:
            async for event in news:
                if isinstance(event, Started):
                    started()
                elif isinstance(event, Finished):
                    return _kept(claim, (await pools.encode(writer.message, event)).result)
        raise RuntimeError("the engine ended without a result")


def obstacle(catalog: Catalog, models: Mapping[str, str]) -> str:
    """Why pictures with these models, by name with the SHA-256 of their weights, cannot be drawn here; empty: they can.

    What is named NETWORK/INDEX is an index of photographs.
    """
    for name, digest in sorted(models.items()):
        network, of_index, index = name.partition("/")
        if of_index:
            if why := job_analyses.obstacle(catalog, network, index, digest):
                return why
        elif name not in catalog.cards:
            return f"{name} is not loaded here"
        elif catalog.cards[name].sha256 != digest:
            return f"{name} has other weights here: the job was begun with those of digest {digest[:12]}"
    return ""


def _request(claim: Claim) -> Request:
    asked = _KINDS[claim.kind].FromString(claim.request)
    if claim.target:
        asked.target.CopyFrom(Target.FromString(claim.target))
    asked.seed = claim.seed
    asked.include.CopyFrom(_INCLUDE)
    return asked


def _kept(claim: Claim, result: Result) -> Drawn:
    png = result.png
    result.png = b""
    of_first = [one.percent for one in result.recipe.percentiles if one.term == 0]
    percentile = of_first[0] if of_first else None
    return Drawn(claim.id, png, result.SerializeToString(), result.activation, percentile, int(result.ending))
