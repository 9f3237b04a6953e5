"""Bytes shared between clients."""

import pytest
from dgnam_server.engine.budget import Budget


def filled(budget: Budget, client: str, size: int = 1) -> int:
    """Have a client take pieces until no more fits."""
    while budget.fits(client, size):
        budget.take(client, size)
    return budget.of(client)


def test_one_client_alone_leaves_a_quarter_free_and_every_newcomer_finds_some() -> None:
    budget = Budget(1000)
    assert filled(budget, "a") == 750
    taken = [filled(budget, name) for name in "bcdef"]
    assert all(taken), "nobody is shut out"
    assert budget.held <= budget.limit


def test_who_holds_nothing_may_have_all_that_is_free_and_no_more() -> None:
    budget = Budget(1000)
    assert budget.fits("a", 1000)
    assert not budget.fits("a", 1001)
    filled(budget, "a")
    assert budget.fits("b", 250)
    assert not budget.fits("b", 251)


@pytest.mark.parametrize("sizes", [(3, 5), (700, 49)])
def test_what_is_given_back_is_free(sizes: tuple[int, ...]) -> None:
    budget = Budget(1000)
    for size in sizes:
        budget.take("a", size)
    assert (budget.of("a"), budget.free) == (sum(sizes), 1000 - sum(sizes))
    for size in sizes:
        budget.give("a", size)
    assert (budget.held, list(budget.clients())) == (0, [])
