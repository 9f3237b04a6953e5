"""What a program gets that knows the .proto files and no settings of ours: gRPC's own defaults, such as messages of at most 4 MiB."""

import io
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2, analysis_pb2_grpc, synthesis_pb2, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import Include, Result, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from PIL import Image

LEMON = Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", label="lemon"))])


@pytest.fixture
def channel(server: Any) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as opened:
        yield opened


def result(events: Any) -> Result:
    (found,) = [event.result for event in events if event.HasField("result")]
    return found


def test_a_picture_of_512_px_fits_once_the_request_leaves_parts_out(channel: grpc.Channel) -> None:
    stub = synthesis_pb2_grpc.SynthesisServiceStub(channel)
    asked = SynthesizePixelsRequest(target=LEMON, height=512, width=512, options={"steps": 1}, include=Include(image=False, code=False))
    drawn = result(stub.SynthesizePixels(asked, timeout=60))
    assert Image.open(io.BytesIO(drawn.png)).size == (512, 512)
    assert not drawn.HasField("image") and not drawn.HasField("code")
    asked.ClearField("include")
    with pytest.raises(grpc.RpcError) as refused:
        result(stub.SynthesizePixels(asked, timeout=60))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_picture_of_absurd_size_is_refused_by_each_side(channel: grpc.Channel) -> None:
    stub = synthesis_pb2_grpc.SynthesisServiceStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.SynthesizePixels(SynthesizePixelsRequest(target=LEMON, height=5_000_000, width=1), timeout=20))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "height: 5000000 is not between 16 and 16384; width: 1 is not between 16 and 16384"


def test_a_code_drawn_and_looked_at_is_what_the_synthesis_reported(channel: grpc.Channel) -> None:
    synthesis, analysis = synthesis_pb2_grpc.SynthesisServiceStub(channel), analysis_pb2_grpc.AnalysisServiceStub(channel)
    drawn = result(synthesis.Synthesize(SynthesizeRequest(target=LEMON, options={"steps": 20}), timeout=60))
    again = synthesis.Draw(synthesis_pb2.DrawRequest(codes=drawn.code), timeout=60)
    np.testing.assert_allclose(arrays.from_message(again.pictures[0].image), arrays.from_message(drawn.image), atol=0.02)
    place = analysis_pb2.Place(model="tiny", label="lemon")
    seen = analysis.Activations(analysis_pb2.ActivationsRequest(images=[drawn.png], places=[place]), timeout=60)
    (activation,) = arrays.from_message(seen.activations[0])
    assert activation == pytest.approx(drawn.activation, rel=0.05, abs=0.05), "but for the PNG's 8 bits"
    assert set(seen.model_digests) == {"tiny"}
