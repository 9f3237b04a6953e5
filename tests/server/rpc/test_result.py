"""The stream's messages: what a result holds, and which of its parts can be left out."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import ENDING_ZERO_GRADIENT, Include, Result, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.synthesis_pb2 import StartRank as StartRankMessage
from dgnam_server.catalog import Catalog
from dgnam_server.engine.events import Finished, Progress, Queued, Started
from dgnam_server.engine.kinds.synthesis_result import Ending, StartRank, SynthesisResult
from dgnam_server.rpc import result
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.result import Writer, has_pictures
from dgnam_server.rpc.space import Request
from PIL import Image

PROVENANCE = Provenance({"dgnam": "0.1.0", "torch": "2"}, "a test", "float32")
FOUR_MIB = 4 * 2**20  # what a gRPC client takes unless it is told to take more
Write = Callable[[Request], Writer]


@pytest.fixture
def write(tiny: Catalog, read: Any) -> Write:
    return lambda asked: Writer(asked, read(asked), tiny, PROVENANCE)


def finished(height: int, width: int, code: int) -> Finished:
    image = np.random.default_rng(0).random((height, width, 3), np.float32)
    history = np.array([[1], [2]], np.float32)
    ones, alpha = np.ones(code, np.float32), image.mean(2)
    return Finished(0, SynthesisResult(image, ones, history, 2.0, history[-1], Ending.ZERO_GRADIENT, 2, alpha=alpha))


def test_result(request_: SynthesizeRequest, tiny: Catalog, write: Write) -> None:
    event = finished(8, 6, 24)
    written = write(request_).message(event).result
    for part in ("image", "history", "code"):
        np.testing.assert_array_equal(arrays.from_message(getattr(written, part)), getattr(event.value, part))
    assert Image.open(io.BytesIO(written.png)).size == (6, 8)
    assert (written.activation, list(written.term_activations), written.ending) == (2, [2], ENDING_ZERO_GRADIENT)
    assert dict(written.recipe.model_digests) == {name: tiny.cards[name].sha256 for name in ("tiny", "tiny-prior")}
    assert (dict(written.recipe.versions), written.recipe.device) == (dict(PROVENANCE.versions), "a test")


def test_only_what_holds_pictures_is_encoded_beside_the_event_loop() -> None:
    moved = Progress(0, 1, 2, 0.5)
    shown = replace(moved, preview=np.zeros((2, 2, 3), np.float32))
    assert [has_pictures(event) for event in (None, Queued(0), Started(), (moved, moved))] == [False] * 4
    assert [has_pictures(event) for event in ((moved, shown), finished(8, 6, 24))] == [True] * 2


def test_the_draw_that_it_started_from(request_: SynthesizeRequest, write: Write) -> None:
    event = finished(8, 6, 24)
    assert not write(request_).message(event).result.HasField("start_rank")
    drawn = Finished(0, replace(event.value, start=StartRank(2, 4000, 7.5, 99.5)))
    assert write(request_).message(drawn).result.start_rank == StartRankMessage(rank=2, draws=4000, activation=7.5, percentile=99.5)


@pytest.mark.parametrize("part", [field.name for field in Include.DESCRIPTOR.fields])
def test_each_part_can_be_left_out(request_: SynthesizeRequest, write: Write, part: str) -> None:
    complete = write(request_).message(finished(8, 6, 24)).result
    setattr(request_.include, part, False)
    partial = write(request_).message(finished(8, 6, 24)).result
    assert {f.name for f, _ in complete.ListFields()} - {f.name for f, _ in partial.ListFields()} == {part}
    setattr(request_.include, part, True)
    assert write(request_).message(finished(8, 6, 24)).result == complete


def of_512_px(pixels: SynthesizePixelsRequest, write: Write, include: Include) -> Result:
    pixels.height = pixels.width = 512
    pixels.include.CopyFrom(include)
    return write(pixels).message(finished(512, 512, 3 * 512 * 512)).result


def test_a_picture_of_512_px_fits_a_default_clients_message(pixels: SynthesizePixelsRequest, write: Write) -> None:
    """The picture is noise, which no PNG file makes smaller."""
    assert of_512_px(pixels, write, Include()).ByteSize() > FOUR_MIB
    for include in (Include(image=False, code=False), Include(code=False), Include(png=False, code=False)):
        assert of_512_px(pixels, write, include).ByteSize() < FOUR_MIB


def test_progress(request_: SynthesizeRequest, write: Write) -> None:
    moved = (Progress(0, 3, 5, 1.0), Progress(1, 2, 5, 0.5, np.zeros((4, 4, 3), np.float32)))
    variants = write(request_).message(moved).progress.variants
    assert [(v.variant, v.step, v.total_steps, v.HasField("preview")) for v in variants] == [(0, 3, 5, False), (1, 2, 5, True)]


def test_every_ending_has_a_value() -> None:
    assert set(result.ENDINGS) == set(Ending)
