"""Turns in equal parts, without a clock."""

from collections import Counter

from dgnam_server.engine.shares import Shares


def test_turns_are_equal_in_cost_and_not_in_number() -> None:
    cost, served, shares = {"cheap": 1.0, "dear": 10.0}, Counter[str](), Shares[str]()
    for _ in range(1100):
        name = shares.next(list(cost))
        shares.charge(name, cost[name])
        served[name] += cost[name]  # type: ignore[assignment]
    assert abs(served["cheap"] - served["dear"]) <= 10


def test_a_newcomer_starts_level_and_does_not_catch_up_for_the_past() -> None:
    shares = Shares[str]()
    for _ in range(100):
        shares.charge(shares.next(["old"]), 1.0)
    turns = []
    for _ in range(10):
        turns.append(shares.next(["old", "new"]))
        shares.charge(turns[-1], 1.0)
    assert 4 <= turns.count("old") <= 6


def test_leaving_and_coming_back_gains_nothing() -> None:
    """A scheduler that forgets whoever has nothing to do serves the one who comes back first every time."""
    shares, served = Shares[str](), Counter[str]()
    away = False
    for _ in range(600):
        name = shares.next(["steady"] if away else ["steady", "fickle"])
        cost = 10.0 if name == "fickle" else 1.0
        shares.charge(name, cost)
        served[name] += int(cost)
        away = name == "fickle" and not away  # gone for one turn after each of its own
    assert served["fickle"] <= 1.1 * served["steady"] + 10


def test_nobody_is_remembered_for_ever() -> None:
    shares = Shares[str]()
    for number in range(50):
        shares.charge(shares.next([f"client {number}", "steady"]), 1.0)
    assert len(shares._served) <= 30
    for _ in range(3):
        shares.charge(shares.next(["steady"]), 1.0)
    assert len(shares._served) <= 2
    shares.rest()
    assert not shares._served
    assert shares.next(["steady", "new"]) == "steady", "those who are level come in their order"


def test_newcomers_do_not_go_before_those_who_are_level_with_them() -> None:
    shares, turns = Shares[str](), []
    for number in range(20):
        turns.append(shares.next([f"new {number}", "steady"]))
        shares.charge(turns[-1], 1.0)
    assert turns.count("steady") >= 9
