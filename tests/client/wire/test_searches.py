"""Searches on the wire: every argument in its field, and every wrong one told before anything is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dgnam_client import Activations, InvalidRequestError, Place, SearchPicture
from dgnam_client._wire import searches
from dgnam_proto import arrays
from dgnam_proto.v1 import search_pb2 as pb
from dgnam_proto.v1.synthesis_pb2 import PRIORITY_BATCH

PICTURES = [SearchPicture(sent={}, number=number, generation=0) for number in (4, 7)]


def test_every_argument_has_its_field() -> None:
    request = searches.create_request(
        "mine",
        {
            "prior": "p",
            "axes": "units",
            "optimizer": "genetic",
            "seed": 3,
            "start": "draws",
            "repeats": 2,
            "references": [b"a", b"b"],
            "references_per_generation": 1,
            "max_pictures": 9,
            "patience": 4,
            "stop_score": 1.5,
            "population": 8,
            "kept": None,
        },
    )
    assert request == pb.CreateSearchRequest(
        name="mine",
        prior="p",
        axes=pb.AXES_UNITS,
        optimizer="genetic",
        options={"population": 8},
        seed=3,
        start=pb.SEARCH_START_DRAWS,
        repeats=2,
        references=[b"a", b"b"],
        references_per_generation=1,
        max_pictures=9,
        patience=4,
        stop_score=1.5,
    )
    spectrum = searches.create_request(None, {"size": (20, 30), "start": None})
    assert (spectrum.spectrum.height, spectrum.spectrum.width) == (20, 30)
    assert spectrum.name.startswith("search-") and spectrum.name != searches.create_request(None, {}).name
    code = searches.create_request("mine", {"start": np.arange(4)})
    assert arrays.from_message(code.start_code).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"prior": "p", "size": 64}, "size: the prior determines the size"),
        ({"size": 64, "prior": "p"}, "prior: a search with a size searches a picture's spectrum"),
        ({"size": (1, 2, 3)}, "is not (height, width)"),
        ({"seed": -1}, "seed: -1 is not an integer"),
        ({"axes": "diagonal"}, "axes: 'diagonal' is none of 'components', 'units'"),
        ({"start": "anywhere"}, "start: 'anywhere' is none of 'mean', 'draws'"),
        ({"start": np.zeros((2, 2))}, "start_code: an array of shape (2, 2) does not fit"),
        ({"references": [b"a", 3]}, "references[1]: a value of type int is not a picture"),
        ({"populaton": "many"}, "options.populaton: 'many' is not a number"),
        ({"stop_score": "high"}, "stop_score: 'high' is not"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        searches.create_request("mine", options)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "scores",
    [
        [1.0, 2.0],
        (1, 2),
        np.array([1, 2]),
        [[1.0], [2.0]],
        np.array([[1.0], [2.0]]),
        {4: 1.0, 7: 2.0},
        iter([np.float32(1), np.array(2.0)]),
        Activations((Place("m"),), (np.array([1.0, 2.0]),), {}, (None,)),
    ],
    ids=["list", "tuple", "array", "nested lists", "column", "by number", "iterator", "activations"],
)
def test_scores_in_all_their_forms(scores: Any) -> None:
    request = searches.tell_request("mine", scores, PICTURES)
    assert [(one.picture, list(one.values), one.missing) for one in request.scores] == [(4, [1.0], False), (7, [2.0], False)]


def test_repeats_and_missing_scores() -> None:
    request = searches.tell_request("mine", [None, [1.0, 2.5]], PICTURES)
    assert [(list(one.values), one.missing) for one in request.scores] == [([], True), ([1.0, 2.5], False)]


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([1.0], "1 are not those of the 2 pictures: give one for each, None where there is none"),
        ([1.0, 2.0, 3.0], "3 are not those of the 2 pictures"),
        ([1.0, "high"], "picture 7: 'high' is neither a number"),
        ([1.0, ["1", [2]]], "picture 7: ['1', [2]] is neither a number"),
        ({"4": 1.0}, "'4' is not a picture's number"),
        ({-1: 1.0}, "-1 is not a picture's number"),
    ],
)
def test_wrong_scores(scores: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        searches.tell_request("mine", scores, PICTURES)
    assert says in str(caught.value)


def test_a_state_keeps_its_history_and_grows_it() -> None:
    search = pb.Search(request=pb.CreateSearchRequest(name="mine"), ending=pb.SEARCH_ENDING_PATIENCE, best_score=2.0, best_picture=5)
    first = pb.Generation(number=0, scored=3, mean=1.0, best=2.0)
    completed, state = searches.told(pb.TellResponse(search=search, completed=first), ())
    assert completed is not None and (completed.mean, completed.reference_mean) == (1.0, None)
    assert state.history == (completed,) and (state.ending, state.best_picture, state.prior) == ("patience", 5, None)
    assert searches.told(pb.TellResponse(search=search), state.history)[1].history == (completed,)
    search.ending = 99  # type: ignore[assignment]
    assert searches.state(search).ending == "unknown"


def test_how_an_ask_waits() -> None:
    plain = searches.ask_request("mine")
    assert not plain.HasField("priority") and not plain.HasField("queue_timeout_s")
    asked = searches.ask_request("mine", "batch", 2.5)
    assert (asked.name, asked.priority, asked.queue_timeout_s) == ("mine", PRIORITY_BATCH, 2.5)
