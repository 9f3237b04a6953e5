"""Attacks on a real server, in small: another client is served meanwhile, and memory stays bounded."""

import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_client import Client, Result
from dgnam_proto.v1 import synthesis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from picture_files import claiming, noise, of_many_scans

TARGET = Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))])
SYNTHESIZE = "/dgnam.v1.SynthesisService/Synthesize"
NO_TIME_S = 0.3  # in which no machine decodes such a picture


@pytest.fixture
def channel(server: Any) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address.removeprefix("grpc://"), [("grpc.max_send_message_length", -1)]) as opened:
        yield opened
    assert server.idle(30), "rows leaked"


def answer(call: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value


def code(call: Any) -> grpc.StatusCode:
    try:
        list(call)
    except grpc.RpcError as error:
        return error.code()  # type: ignore[attr-defined, no-any-return]
    return grpc.StatusCode.OK


def peak_mib(server: Any, of: str = "VmHWM") -> float:
    """The most memory that the server's process ever had; `of` VmRSS: what it has now."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("needs Linux's /proc")
    line = next(line for line in status.read_text().splitlines() if line.startswith(of))
    return int(line.split()[1]) / 1024


def test_pictures_that_take_long_to_decode_hold_up_nobody(server: Any, channel: grpc.Channel) -> None:
    """Sixteen megapixels in sixty scans, as many as are let in, from six callers at once."""
    hostile = of_many_scans(4000, 4000, 50)
    stub = synthesis_pb2_grpc.SynthesisServiceStub(channel)
    asked = SynthesizePixelsRequest(target=TARGET, start_image=hostile, options={"steps": 1})
    before = peak_mib(server)
    with ThreadPoolExecutor(6) as pool, server.client() as other:
        ended: list[Future[grpc.StatusCode]] = [pool.submit(code, stub.SynthesizePixels(asked, timeout=NO_TIME_S)) for _ in range(6)]
        assert isinstance(other.synthesize("tiny:fc8:lemon", steps=2), Result)
        assert other.models()
        for one in ended:
            assert one.result() is grpc.StatusCode.DEADLINE_EXCEEDED
        # Nobody decodes any more: a harmless picture does not wait for theirs.
        assert isinstance(other.synthesize_pixels("tiny:fc8:lemon", start=noise(32, 32), steps=1), Result)
    assert peak_mib(server) - before < 150, "decoded in the server's own process"


def test_what_would_be_much_work_is_refused_before_any(server: Any, channel: grpc.Channel) -> None:
    before = peak_mib(server)
    unit = Unit(model="tiny", tap="fc6", features_of=claiming(4000, 4000))
    for call, asked in (
        ("SynthesizePixels", SynthesizePixelsRequest(target=TARGET, height=0, width=5_000_000, start_image=noise(16, 16))),
        ("SynthesizePixels", SynthesizePixelsRequest(target=Target(terms=[Term(unit=unit)] * 16))),
        ("Synthesize", SynthesizeRequest(target=TARGET, options={f"nothing{i}": 1.0 for i in range(4000)})),
        ("Synthesize", SynthesizeRequest(target=TARGET, start_image=of_many_scans(64, 64, 3000))),
        ("Synthesize", SynthesizeRequest(target=Target(terms=[Term()] * 30_000))),
        ("Synthesize", SynthesizeRequest(target=Target(terms=[Term(unit=Unit(model="x" * 100_000, tap="y"))] * 16))),
    ):
        error = answer(channel.unary_stream(f"/dgnam.v1.SynthesisService/{call}")(asked.SerializeToString(), timeout=60))
        wrong = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
        assert error.code() in wrong, error  # type: ignore[attr-defined]
    pictures = ActivationsRequest(images=[claiming(4000, 4000)] * 16).SerializeToString()
    error = answer(channel.unary_stream("/dgnam.v1.AnalysisService/Activations")(pictures, timeout=60))
    assert "more than 64000000 pixels" in error.details()  # type: ignore[attr-defined]
    assert peak_mib(server) - before < 150


def test_messages_over_the_limit_are_not_kept(server: Any, channel: grpc.Channel) -> None:
    """Sixteen of 60 MiB at once, which together are a gigabyte."""
    before = peak_mib(server)
    body = struct.pack("<B", 0) * (60 * 2**20)
    with ThreadPoolExecutor(16) as pool:
        for error in pool.map(lambda _: answer(channel.unary_stream(SYNTHESIZE)(body, timeout=60)), range(16)):
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    assert peak_mib(server) - before < 250


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_results_that_nobody_reads_stay_within_the_memory_and_it_is_given_back(start_server: Any, tmp_path: Path) -> None:
    """64 pictures of 512 x 512, which would take 1 GiB until they were read. Who leaves them unread does so for longer than the test."""
    (tmp_path / "tokens").write_text("anns\nbobs\n")
    server = start_server(max_memory_mib=400, read_timeout_s=600, token_file=tmp_path / "tokens")
    unread = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536), ("grpc.max_receive_message_length", -1)]
    large = {"target": TARGET, "height": 512, "width": 512, "options": {"steps": 1}}
    ann = (("authorization", "Bearer anns"),)
    with (
        grpc.insecure_channel(server.address.removeprefix("grpc://"), unread) as channel,
        Client(server.address, token="bobs", timeout=60, synthesis_timeout=120) as other,
    ):
        stub = synthesis_pb2_grpc.SynthesisServiceStub(channel)
        assert code(stub.SynthesizePixels(SynthesizePixelsRequest(**large), metadata=ann)) is grpc.StatusCode.OK
        before = peak_mib(server, "VmRSS")
        asked = [SynthesizePixelsRequest(**large, variants=16, seed=100 * number) for number in range(4)]
        calls = [stub.SynthesizePixels(one, metadata=ann) for one in asked]
        for call in calls:
            next(call)
        held, seen_at = 0, time.monotonic()
        while time.monotonic() < seen_at + 5:  # until no more is drawn
            if (load := other.load()).memory_bytes != held:
                held, seen_at = load.memory_bytes, time.monotonic()
            time.sleep(0.1)
        assert 0 < held <= 400 * 2**20
        assert peak_mib(server) - before < 400
        assert isinstance(other.synthesize("tiny:fc8:lemon", steps=2), Result), "another client finds room"
        for call in calls:
            call.cancel()
        ends = time.monotonic() + 60
        while (left := peak_mib(server, "VmRSS") - before) > 50 and time.monotonic() < ends:
            time.sleep(0.5)
        assert left <= 50
