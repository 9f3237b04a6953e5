"""ServerService over a real socket."""

import re
from pathlib import Path
from typing import Any

from dgnam_proto.v1 import server_pb2, server_pb2_grpc
from dgnam_server.rpc.payload import MAX_MESSAGE_BYTES
from dgnam_server.settings import Settings


async def test_server_info(serving: Any, config: Settings) -> None:
    async with serving() as server:
        stub = server_pb2_grpc.ServerServiceStub(server.channel)
        info = await stub.GetServerInfo(server_pb2.GetServerInfoRequest())
        load = await stub.GetLoad(server_pb2.GetLoadRequest())
    assert (info.device, info.precision, info.version) == ("a test", "float64", info.versions["dgnam"])
    assert (info.limits.max_steps, info.limits.max_message_bytes) == (config.max_steps, 2**26)
    assert (info.limits.max_request_bytes, info.limits.max_request_pixels) == (config.max_request_bytes, config.max_request_pixels)
    assert info.uptime_s > 0
    assert (load.queued_jobs, load.finished_jobs) == (3, 5)


def test_the_contract_tells_the_limits_by_default() -> None:
    contract = (Path(__file__).parents[3] / "proto/dgnam_proto/v1/server.proto").read_text(encoding="utf-8")
    told = re.findall(r"Default ([\d,]+)[^/]*\n  uint\d\d (\w+) =", contract)
    assert len(told) == 11
    for number, name in told:
        assert getattr(Settings(), name) == int(number.replace(",", "")), name
    assert f"of a response: {MAX_MESSAGE_BYTES >> 20} MiB." in contract
    assert f"at most {Settings().max_batch_rows} by default" in contract
