"""Shares: turns in equal parts, by start-time fair queuing (Goyal et al. 1996).

Rules: whoever was served least is next. A newcomer starts level with the least served, and goes after it. Who leaves in debt finds the
debt when it comes back, until the others have caught up, or until nobody wants a turn: leaving and coming back gains nothing.
"""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Shares(Generic[Name]):
    """What each of those who take turns was served so far."""

    def __init__(self) -> None:
        self._served: dict[Name, float] = {}  # from the common virtual start
        self._now = 0.0  # what the least served had when it was last chosen

    def next(self, active: Collection[Name]) -> Name:
        """The least served of those who want a turn, at least one; of equals who has wanted one before, or else the first."""
        start = max(self._now, min((self._served[name] for name in active if name in self._served), default=0.0))
        level = {name: max(self._served.get(name, start), self._now) for name in active}
        debts = {name: served for name, served in self._served.items() if name not in level and served > self._now}
        chosen = min(level, key=lambda name: (level[name], name not in self._served))
        self._served = level | debts
        self._now = level[chosen]
        return chosen

    def charge(self, name: Name, cost: float) -> None:
        """The turn of the one chosen last cost so much (any unit, the same for all)."""
        self._served[name] = self._served.get(name, self._now) + cost

    def rest(self) -> None:
        """Nobody wants a turn: all debts are forgotten, as there is nobody whom they would hold up."""
        self._now = max([self._now, *self._served.values()])
        self._served = {}
