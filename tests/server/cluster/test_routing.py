"""Requests of one lane meet, and no replica is overfull while another has room."""

from collections import Counter

import pytest
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, ExemplarsRequest, Place
from dgnam_proto.v1.catalog_pb2 import ListUnitsRequest
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_STRICT, DrawRequest, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from dgnam_server.cluster.routing import Replica, lane, ordered, rows
from google.protobuf.message import Message

FOUR = [Replica(name, f"10.0.0.{name}:1", batch_rows=8) for name in "0123"]


def wanted(*units: tuple[str, str, int]) -> Target:
    return Target(terms=[Term(unit=Unit(model=model, tap=tap, index=index)) for model, tap, index in units])


LEMON = SynthesizeRequest(target=wanted(("a", "fc8", 1)))


def test_units_seeds_and_steps_are_of_one_lane() -> None:
    other = SynthesizeRequest(target=wanted(("a", "fc8", 2), ("a", "fc8", 3)), seed=7, options={"steps": 3}, variants=4)
    assert lane(LEMON) == lane(other) != ""


@pytest.mark.parametrize(
    "message",
    [
        SynthesizeRequest(target=wanted(("a", "fc7", 1))),
        SynthesizeRequest(target=wanted(("b", "fc8", 1))),
        SynthesizeRequest(target=wanted(("a", "fc8", 1)), prior="other"),
        SynthesizeRequest(target=wanted(("a", "fc8", 1)), method="ppgn"),
        SynthesizeRequest(target=wanted(("a", "fc8", 1)), determinism=DETERMINISM_STRICT),
        SynthesizePixelsRequest(target=wanted(("a", "fc8", 1))),
        SynthesizePixelsRequest(target=wanted(("a", "fc8", 1)), height=64),
        ExemplarsRequest(place=Place(model="a", tap="fc8")),
        ActivationsRequest(places=[Place(model="a", tap="fc8")]),
        DrawRequest(),
    ],
)
def test_what_cannot_share_a_batch_is_of_another(message: Message) -> None:
    assert lane(message) not in ("", lane(LEMON))


def test_questions_are_of_none() -> None:
    assert lane(ListUnitsRequest(model="a", tap="fc8")) == ""


def test_rows_count_variants_and_pictures() -> None:
    assert [rows(LEMON), rows(SynthesizeRequest(variants=5)), rows(ActivationsRequest(images=[b"", b""])), rows(DrawRequest())] == [
        1,
        5,
        2,
        1,
    ]


def test_a_lane_keeps_its_replica_and_only_a_lost_ones_move() -> None:
    lanes = [f"lane {number}" for number in range(400)]
    first = {name: ordered(name, FOUR, {})[0] for name in lanes}
    assert first == {name: ordered(name, FOUR[::-1], {})[0] for name in lanes}
    assert min(Counter(replica.name for replica in first.values()).values()) > 60, "lanes spread"
    left = [replica for replica in FOUR if replica.name != "2"]
    for name in lanes:
        moved = ordered(name, left, {})[0]
        assert moved == (ordered(name, FOUR, {})[1] if first[name].name == "2" else first[name])


def test_an_overfull_replica_is_passed_over() -> None:
    best, second, *_ = ordered("lane", FOUR, {})
    assert ordered("lane", FOUR, {best.name: 7})[0] == best, "its batch still has room"
    assert ordered("lane", FOUR, {best.name: 8})[0] == second
    busy = {replica.name: 40 for replica in FOUR}
    assert ordered("lane", FOUR, busy)[0] == best, "all are as full"
    assert ordered("lane", FOUR, {**busy, best.name: 41})[0] == best, "by less than a quarter"
    assert ordered("lane", FOUR, {**busy, best.name: 80})[0] == second
    assert {replica.name for replica in ordered("lane", FOUR, {best.name: 8})} == set("0123"), "it is still the last resort"


def test_calls_of_no_lane_go_where_least_is_to_do() -> None:
    assert [replica.name for replica in ordered("", FOUR, {"0": 3, "1": 1, "2": 2, "3": 0})] == ["3", "1", "2", "0"]
