"""Answers about pictures -> results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dgnam_client import Place, ProtocolError, StartRank
from dgnam_client._wire import results
from dgnam_client._wire.requests import draw_request
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2, synthesis_pb2, target_pb2


def test_events_of_the_future_are_passed_over() -> None:
    assert results.event(synthesis_pb2.SynthesizeResponse()) is None
    assert results.event(synthesis_pb2.SynthesizeResponse(heartbeat=synthesis_pb2.Heartbeat())) is None


def test_result(result_message: Any) -> None:
    message = result_message()
    result = results.result(message)
    assert result.array.tobytes() == message.image.data
    result.array[:] = 0  # a copy of one's own
    message.ending = 99
    assert results.result(message).ending == "unknown"
    message.image.shape[:] = [8, 24]
    with pytest.raises(ProtocolError, match=r"its shape is \(8, 24\), not \(H, W, 3\)"):
        results.result(message)
    message.code.data = b"1"
    with pytest.raises(ProtocolError, match="code cannot be read: .*takes 20 bytes"):
        results.result(message)


def test_what_was_read_off_the_terms(result_message: Any) -> None:
    address = target_pb2.Unit(model="alexnet64", tap="fc8")
    label, direction = (target_pb2.Unit() for _ in range(2))
    for unit in (label, direction):
        unit.CopyFrom(address)
    label.label = "lemon"
    direction.direction.CopyFrom(arrays.to_message([1.0, 2.0]))
    terms = [target_pb2.Term(unit=label, readout=target_pb2.READOUT_PROBABILITY), target_pb2.Term(unit=direction)]
    message = result_message(*terms)
    assert results.result(message).readouts == ("probability", "direction"), "as the recipe of an older server says it"
    message.term_readouts[:] = [target_pb2.READOUT_LOG_PROBABILITY, target_pb2.READOUT_UNSPECIFIED]
    result = results.result(message)
    assert (result.readouts, result.readout) == (("log-probability", "direction"), "weighted sum")
    one = results.result(result_message(terms[0]))
    assert one.readout == "probability" and "probability 12.5 after" in repr(one)


def test_how_it_came_about(result_message: Any) -> None:
    message = result_message()
    assert (results.result(message).gradient_steps, results.result(message).remark) == (None, "")
    for ending, pulled, remark in (
        (synthesis_pb2.ENDING_STEPS_DONE, 2, ""),
        (synthesis_pb2.ENDING_STEPS_DONE, 1, "the target had a gradient at 1 of 4 steps"),
        (synthesis_pb2.ENDING_ZERO_GRADIENT, 3, "the gradient became zero after 4 steps"),
        (synthesis_pb2.ENDING_NO_GRADIENT, 0, "no gradient: the picture says nothing of the target"),
    ):
        message.ending, message.gradient_steps = ending, pulled
        result = results.result(message)
        assert (result.gradient_steps, result.remark) == (pulled, remark)
        assert repr(result).endswith(f"after 4 steps{remark and ', '}{remark}>")


def test_a_silent_term_is_named(result_message: Any) -> None:
    terms = [target_pb2.Term(unit=target_pb2.Unit(model="net", tap="fc", index=index)) for index in range(3)]
    message = result_message(*terms)
    message.ending, message.gradient_steps = synthesis_pb2.ENDING_STEPS_DONE, 4
    message.silent_terms[:] = [1]
    assert results.result(message).silent_terms == (1,)
    assert results.result(message).remark == "no gradient from net:fc:1: the picture says nothing of it"
    message.silent_terms[:] = [0, 2]
    assert results.result(message).remark == "no gradient from net:fc:0 and net:fc:2: the picture says nothing of them"


@pytest.mark.parametrize(("name", "attribute"), [("png", "png"), ("image", "array"), ("code", "code"), ("history", "history")])
def test_a_part_that_was_left_out(result_message: Any, name: str, attribute: str) -> None:
    message = result_message()
    message.ClearField(name)
    result = results.result(message)
    with pytest.raises(AttributeError, match=f"without '{name}': the request's include left it out"):
        getattr(result, attribute)
    assert not hasattr(result, attribute)
    assert "8 x 8 px" in repr(result) and "after 4 steps" in repr(result)


def test_the_draw_that_a_result_started_from(result_message: Any) -> None:
    message = result_message()
    assert results.result(message).start is None
    message.start_rank.CopyFrom(synthesis_pb2.StartRank(rank=2, draws=4000, activation=7.5, percentile=99.5))
    assert results.result(message).start == StartRank(2, 4000, 7.5, 99.5)


def test_a_result_of_numbers_alone(result_message: Any) -> None:
    message = result_message()
    for name in ("png", "image", "code", "history"):
        message.ClearField(name)
    assert repr(results.result(message)) == "<Result alexnet64:fc8:lemon seed=0: no picture, activation 12.5 after 4 steps>"


def test_pictures_of_codes() -> None:
    picture = synthesis_pb2.Picture(png=b"file", image=arrays.to_message(np.zeros((2, 4, 3))))
    two = synthesis_pb2.DrawResponse(pictures=[picture, picture])
    one = synthesis_pb2.DrawResponse(pictures=[picture])
    drawn = results.pictures(draw_request(np.zeros((2, 5)), None, None), two)
    assert isinstance(drawn, list) and [repr(picture) for picture in drawn] == ["<Picture 4 x 2 px>"] * 2
    assert isinstance(results.pictures(draw_request(np.zeros((1, 5)), None, None), one), list)
    assert not isinstance(results.pictures(draw_request(np.zeros(5), None, None), one), list)
    with pytest.raises(ProtocolError, match="sent 2 pictures of 1 codes"):
        results.pictures(draw_request(np.zeros(5), None, None), two)


def test_activations() -> None:
    places = [Place("a", "fc"), Place("a", "fc", 3)]
    both = analysis_pb2.ActivationsResponse(activations=[arrays.to_message(np.zeros((1, 7))), arrays.to_message(np.zeros(1))])
    assert [array.shape for array in results.activations(places, both, single=False)] == [(1, 7), (1,)]
    assert [array.shape for array in results.activations(places, both, single=True)] == [(7,), ()]
    with pytest.raises(ProtocolError, match="sent 2 arrays for 1 places"):
        results.activations(places[:1], both, single=True)
    both.activations[0].shape[:] = [7, 1]
    with pytest.raises(ProtocolError, match="first axis is not one picture"):
        results.activations(places, both, single=True)
    both.activations[0].data = b""
    with pytest.raises(ProtocolError, match="a:fc cannot be read: "):
        results.activations(places, both, single=True)
