"""The three servicers: translate, call, translate. No logic of their own."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dgnam_proto.v1 import catalog_pb2, catalog_pb2_grpc, server_pb2, server_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from grpc import aio

from dgnam_server import errors
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Failed, Finished
from dgnam_server.rpc import lookup, messages, translate, units
from dgnam_server.rpc.mailbox import Mailbox, Pace
from dgnam_server.rpc.messages import Provenance
from dgnam_server.rpc.problems import Problems
from dgnam_server.settings import Settings
from dgnam_server.synth.spec import SynthesisSpec

MAX_MESSAGE_BYTES = 64 * 2**20
Context = aio.ServicerContext[Any, Any]


@dataclass(frozen=True, eq=False)
class SynthesisServicer(synthesis_pb2_grpc.SynthesisServiceServicer):
    """Synthesis; refuses calls until `ready` is set."""

    builder: Builder
    engine: DeviceThread
    config: Settings
    provenance: Provenance
    ready: asyncio.Event
    pace: Pace = Pace()

    async def Synthesize(self, request: SynthesizeRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of a synthesis with a prior."""
        await self._run(request, translate.synthesis, context)

    async def SynthesizePixels(self, request: SynthesizePixelsRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of a synthesis of pixels."""
        await self._run(request, translate.pixels, context)

    async def _run(self, request: Any, check: Callable[[Any, Catalog, Settings], SynthesisSpec], context: Context) -> None:
        """Streams the job's events; the job's rows are freed however the call ends."""
        if not self.ready.is_set():
            raise errors.NotReady
        # Decoding and encoding pictures takes milliseconds, so both happen beside the loop.
        catalog = self.builder.catalog
        spec = await asyncio.to_thread(check, request, catalog, self.config)
        answer = messages.Answer(request, spec, catalog, self.provenance)
        mailbox = Mailbox(self.pace)
        ticket = self.engine.submit(self.builder.synthesis(spec), mailbox.put, _deadline(context.time_remaining()))
        try:
            unfinished = spec.variants
            while unfinished:
                deliveries = await mailbox.take()
                if not deliveries:
                    await context.write(answer.heartbeat())
                for delivery in deliveries:
                    if isinstance(delivery, Failed):
                        raise errors.of_failure(delivery)
                    await context.write(await asyncio.to_thread(answer.message, delivery))
                    unfinished -= isinstance(delivery, Finished)
        finally:
            ticket.cancel()


@dataclass(frozen=True, eq=False)
class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """Models, units, methods."""

    catalog: Catalog
    config: Settings

    async def ListModels(self, request: catalog_pb2.ListModelsRequest, context: Context) -> catalog_pb2.ListModelsResponse:  # noqa: N802
        """Every model, briefly."""
        return catalog_pb2.ListModelsResponse(models=[messages.model(card, full=False) for card in self.catalog.cards.values()])

    async def GetModel(self, request: catalog_pb2.GetModelRequest, context: Context) -> catalog_pb2.GetModelResponse:  # noqa: N802
        """One model in full."""
        problems = Problems()
        card = lookup.card(self.catalog, request.name, "name", problems)
        problems.raise_any()
        assert card is not None
        return catalog_pb2.GetModelResponse(model=messages.model(card, full=True))

    async def ListUnits(self, request: catalog_pb2.ListUnitsRequest, context: Context) -> catalog_pb2.ListUnitsResponse:  # noqa: N802
        """A page of a tap's units."""
        return messages.units(units.page(request, self.catalog))

    async def ListMethods(self, request: catalog_pb2.ListMethodsRequest, context: Context) -> catalog_pb2.ListMethodsResponse:  # noqa: N802
        """Every method with its options."""
        return messages.methods(self.catalog.default_prior, self.config.max_steps)


@dataclass(frozen=True, eq=False)
class ServerServicer(server_pb2_grpc.ServerServiceServicer):
    """The server itself; `started` is in `time.monotonic` seconds."""

    engine: DeviceThread
    config: Settings
    provenance: Provenance
    started: float

    async def GetServerInfo(self, request: server_pb2.GetServerInfoRequest, context: Context) -> server_pb2.GetServerInfoResponse:  # noqa: N802
        """Version, device and limits."""
        return messages.info(self.config, self.provenance, self.engine.batch_rows, MAX_MESSAGE_BYTES, time.monotonic() - self.started)

    async def GetLoad(self, request: server_pb2.GetLoadRequest, context: Context) -> server_pb2.GetLoadResponse:  # noqa: N802
        """What is queued and running."""
        return messages.load(self.engine.load())


def _deadline(remaining_s: float | None) -> float | None:
    """When the engine must give up, a little before the caller does: else the caller is gone when the answer says how far it came."""
    return None if remaining_s is None else time.monotonic() + remaining_s - min(0.2, 0.1 * remaining_s)
