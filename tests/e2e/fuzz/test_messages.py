"""Whatever is sent, a server answers with a status of its contract: never INTERNAL, never UNKNOWN."""

import struct
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from dgnam_proto.v1 import analysis_pb2, catalog_pb2, search_pb2, server_pb2, synthesis_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given
from hypothesis import strategies as st
from mutations import messages, mutated
from picture_files import claiming, noise, of_many_scans

METHODS: list[MethodDescriptor] = [
    method
    for file in (synthesis_pb2, analysis_pb2, search_pb2, catalog_pb2, server_pb2, health_pb2, reflection_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if method.full_name != "grpc.health.v1.Health.List"  # which gRPC's servicer does not have yet
]
NAMES = ["", "tiny", "tiny-res", "tiny-prior", "fc8", "fc6", "conv2", "conv3", "lemon", "teapot", "dgn-am", "ppgn", "pyramid", "lucid"]
NAMES += ["steps", "start_learning_rate", "decay", "tv_weight", "start_draws", "levels", "fuzzed", "genetic", "cma", "population"]
CODES = [struct.pack("<24f", *[0.5] * 24), struct.pack("<7f", *[1.0] * 7), b"\x00\x00\xc0\x7f" * 24]
PICTURES = [noise(20, 20), noise(32, 32, "JPEG"), noise(16, 16, "WEBP"), of_many_scans(32, 32, 100), claiming(5000, 5000)]
FILES = st.sampled_from([*CODES, *PICTURES]) | mutated(PICTURES) | st.binary(max_size=40)
RIGHT = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


@pytest.fixture(scope="module")
def channel(server: Any) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as opened:
        yield opened
    assert server.idle(30), "rows leaked"
    assert "internal error" not in server.running.log.read_text()


def answered(channel: grpc.Channel, method: MethodDescriptor, data: bytes) -> None:
    """Send the bytes; of a stream the first answer is awaited and the rest cancelled."""
    call = channel.unary_stream(f"/{method.containing_service.full_name}/{method.name}")(data, timeout=10)
    try:
        next(call, None)
    except grpc.RpcError as error:
        assert call.code() in RIGHT, f"{method.name}: {call.code()}: {call.details()}"
        del error
    finally:
        call.cancel()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@given(data=st.data())
def test_any_message_gets_a_right_answer(channel: grpc.Channel, method: MethodDescriptor, data: st.DataObject) -> None:
    message: Message = data.draw(messages(method.input_type, NAMES, FILES))
    answered(channel, method, message.SerializeToString())


@given(data=st.data())
def test_any_bytes_get_a_right_answer(channel: grpc.Channel, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(METHODS))
    whole = data.draw(messages(method.input_type, NAMES, FILES)).SerializeToString()
    answered(channel, method, data.draw(mutated([whole]) | st.binary(max_size=200)))
