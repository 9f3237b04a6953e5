"""ServerService over a real socket."""

from typing import Any

from dgnam_proto.v1 import server_pb2, server_pb2_grpc
from dgnam_server.settings import Settings


async def test_server_info(serving: Any, config: Settings) -> None:
    async with serving() as server:
        stub = server_pb2_grpc.ServerServiceStub(server.channel)
        info = await stub.GetServerInfo(server_pb2.GetServerInfoRequest())
        load = await stub.GetLoad(server_pb2.GetLoadRequest())
    assert (info.device, info.precision, info.version) == ("a test", "float64", info.versions["dgnam"])
    assert (info.limits.max_steps, info.limits.max_message_bytes) == (config.max_steps, 2**26)
    assert info.uptime_s > 0
    assert (load.queued_jobs, load.finished_jobs) == (3, 5)
