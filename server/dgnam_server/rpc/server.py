"""ServerService: what the server is, and how busy."""

import time
from dataclasses import dataclass
from typing import Any

from dgnam_proto.v1 import server_pb2, server_pb2_grpc
from grpc import aio

from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import ClientLoad
from dgnam_server.rpc import identity
from dgnam_server.rpc.payload import MAX_MESSAGE_BYTES
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.settings import OFF, Settings

Context = aio.ServicerContext[Any, Any]


@dataclass(frozen=True, eq=False)
class ServerServicer(server_pb2_grpc.ServerServiceServicer):
    """Tells about the server; `started` is in `time.monotonic` seconds."""

    engine: DeviceThread
    limits: Settings
    provenance: Provenance
    started: float

    async def GetServerInfo(self, request: server_pb2.GetServerInfoRequest, context: Context) -> server_pb2.GetServerInfoResponse:  # noqa: N802
        """Version, device and limits."""
        limits = server_pb2.Limits(
            max_steps=self.limits.max_steps,
            max_terms=self.limits.max_terms,
            max_variants=self.limits.max_variants,
            queue_capacity=self.limits.queue_capacity,
            max_batch_rows=self.engine.batch_rows,
            max_message_bytes=MAX_MESSAGE_BYTES,
            max_start_image_pixels=self.limits.max_start_image_pixels,
            max_pixels=self.limits.max_pixels,
            max_request_bytes=self.limits.max_request_bytes,
            max_request_pixels=self.limits.max_request_pixels,
            client_queue_capacity=self.limits.client_queue_capacity,
            queue_timeout_s=self.limits.queue_timeout_s or 0,
            max_memory_bytes=self.engine.limits.max_memory_mib * 2**20,
            max_positions=self.limits.max_positions,
            max_job_pictures=0 if self.limits.jobs == OFF else self.limits.max_job_pictures,
        )
        return server_pb2.GetServerInfoResponse(
            version=self.provenance.versions["dgnam"],
            device=self.provenance.device,
            precision=self.provenance.precision,
            limits=limits,
            versions=dict(self.provenance.versions),
            uptime_s=time.monotonic() - self.started,
        )

    async def GetLoad(self, request: server_pb2.GetLoadRequest, context: Context) -> server_pb2.GetLoadResponse:  # noqa: N802
        """What is queued and running, of all clients and of this one."""
        load, name = self.engine.load(), identity.of_call(context, self.limits.client_header)
        own = load.clients.get(name, ClientLoad())
        lanes = [server_pb2.LaneLoad(key=lane.key, running_rows=lane.running_rows, waiting_rows=lane.waiting_rows) for lane in load.lanes]
        return server_pb2.GetLoadResponse(
            queued_jobs=load.queued_jobs,
            running_jobs=load.running_jobs,
            lanes=lanes,
            finished_jobs=load.finished_jobs,
            failed_jobs=load.failed_jobs,
            cancelled_jobs=load.cancelled_jobs,
            draining=load.draining,
            memory_bytes=load.memory_bytes,
            own=server_pb2.ClientLoad(
                client=name,
                queued_jobs=own.queued_jobs,
                running_jobs=own.running_jobs,
                clients_ahead=own.clients_ahead,
                memory_bytes=own.memory_bytes,
            ),
        )
