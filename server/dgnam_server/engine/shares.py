"""Shares: turns in equal parts, by start-time fair queuing (Goyal et al. 1996), with a bounded credit for those who want little.

Rules: whoever was served least is next. A newcomer starts level with the least served, and goes after it. Who leaves in debt finds the
debt when it comes back, until the others have caught up, or until nobody wants a turn: leaving and coming back gains nothing.

Credit: who was not served while others were may be served ahead of them by as much, up to a bound, if it then wants little: the lag that
earliest eligible virtual deadline first carries over (Stoica and Abdel-Wahab 1995), used as borrowed virtual time lets threads warp back
that must answer soon (Duda and Cheriton 1999). Whoever is not known has been away for long, and has all of it. The bound is divided by the
number of those who are here or were lately, so that the credits of any number who come at once are together less than it, and of n who come
one after another together at most ln n times it.
"""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Shares(Generic[Name]):
    """What each of those who take turns was served so far.

    Args:
        most_credit: in the unit of costs.
    """

    def __init__(self, most_credit: float = 0.0) -> None:
        self._most_credit = most_credit
        self._served: dict[Name, float] = {}  # from the common virtual start
        self._now = 0.0  # what the least served had when one was last chosen, credits apart

    def next(self, active: Collection[Name], wanting_little: Collection[Name] = ()) -> Name:
        """The least served of those who want a turn, at least one; of equals who has wanted one before, or else the first.

        Args:
            wanting_little: who keeps its credit; the others lose it.
        """
        self._now = max(self._now, min((self._served[name] for name in active if name in self._served), default=0.0))
        credit = self.credit(active)
        least = {name: self._now - (credit if name in wanting_little else 0.0) for name in active}
        level = {name: max(self._served.get(name, least[name]), least[name]) for name in active}
        away = {name: served for name, served in self._served.items() if name not in level and served > self._now - self._most_credit}
        chosen = min(level, key=lambda name: (level[name], name not in self._served))
        self._served = level | away
        return chosen

    def credit(self, active: Collection[Name]) -> float:
        """The most that one may be served ahead of the others, when these want a turn."""
        return self._most_credit / len(self._served.keys() | set(active))

    def away(self, active: Collection[Name]) -> bool:
        """Whether somebody was here lately who is not among these."""
        return not self._served.keys() <= set(active)

    def charge(self, name: Name, cost: float) -> None:
        """The turn of the one chosen last cost so much (any unit, the same for all)."""
        self._served[name] = self._served.get(name, self._now) + cost

    def rest(self) -> None:
        """Nobody wants a turn: all debts are forgotten, as there is nobody whom they would hold up."""
        self._now = max([self._now, *self._served.values()])
        self._served = {}
