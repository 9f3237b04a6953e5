"""Turns in equal parts, without a clock."""

import math
from collections import Counter

import pytest
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


def served_until_level(shares: Shares[str], name: str, others: list[str]) -> float:
    """How much `name` is served before any of the others, who want all they can get."""
    served = 0.0
    while shares.next([*others, name], [name]) == name:
        shares.charge(name, 0.1)
        served += 0.1
    return served


def after_alone(credit: float) -> Shares[str]:
    shares = Shares[str](credit)
    for _ in range(100):
        shares.charge(shares.next(["steady"]), 1.0)
    return shares


def test_who_has_been_away_goes_first_until_its_credit_is_used() -> None:
    shares = after_alone(8.0)
    assert served_until_level(shares, "new", ["steady"]) == pytest.approx(4.0, abs=0.2)
    assert served_until_level(shares, "new", ["steady"]) <= 0.2, "and from then on both are level"


def test_credit_is_earned_while_others_are_served_and_not_by_leaving() -> None:
    shares = after_alone(8.0)
    served_until_level(shares, "new", ["steady"])
    for seconds, expected in ((0, 0), (1, 1), (2, 2), (100, 4)):
        for _ in range(seconds):
            shares.charge(shares.next(["steady"]), 1.0)
        assert served_until_level(shares, "new", ["steady"]) == pytest.approx(expected, abs=0.3)


def test_who_wants_much_has_no_credit_and_loses_what_it_had() -> None:
    shares = after_alone(8.0)
    shares.next(["steady", "new"])
    assert served_until_level(shares, "new", ["steady"]) <= 0.2


def test_who_has_used_up_time_alone_has_no_credit_when_another_comes() -> None:
    shares = Shares[str](8.0)
    for _ in range(100):
        shares.charge(shares.next(["first"], ["first"]), 1.0)
    assert shares.next(["first", "second"], ["first", "second"]) == "second"


def test_the_credits_of_many_at_once_are_together_less_than_the_bound() -> None:
    shares = after_alone(8.0)
    names, served = [f"new {number}" for number in range(50)], 0.0
    while (chosen := shares.next(["steady", *names], names)) != "steady":
        shares.charge(chosen, 0.01)
        served += 0.01
    assert 4.0 <= served <= 8.0


def test_many_one_after_another_gain_ever_less() -> None:
    shares = after_alone(8.0)
    gained = [served_until_level(shares, f"new {number}", ["steady"]) for number in range(100)]
    assert sum(gained) <= 8.0 * math.log(100) + 0.2 * 100
    assert max(gained[50:]) <= 0.4


def test_whether_somebody_was_here_lately_is_known_for_as_long_as_the_bound() -> None:
    shares = after_alone(8.0)
    assert not shares.away(["steady"])
    shares.charge(shares.next(["steady", "new"], ["new"]), 1.0)
    shares.next(["steady"])
    assert shares.away(["steady"])
    for _ in range(10):
        shares.charge(shares.next(["steady"]), 1.0)
    assert not shares.away(["steady"])


def test_when_nobody_wanted_a_turn_all_have_their_credit_again() -> None:
    shares = after_alone(8.0)
    served_until_level(shares, "new", ["steady"])
    shares.rest()
    assert not shares.away([])
    shares.charge(shares.next(["steady"]), 1.0)
    assert served_until_level(shares, "new", ["steady"]) == pytest.approx(4.0, abs=0.2)
