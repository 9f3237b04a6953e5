"""Budget: so many bytes, shared between clients so that a newcomer finds room.

Rules: what is held never exceeds the limit. One client may hold at most SHARE times of what stays free, so one alone gets three quarters of
the whole, two get three sevenths each, and some is left for whoever comes next (dynamic thresholds, Choudhury and Hahne 1998). Who holds
nothing may have all that is free.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

SHARE = 3
Client = str


@dataclass(eq=False)
class Budget:
    """Bytes of `limit` by who holds them. Its owner says which thread touches it."""

    limit: int
    held: int = 0
    _by_client: dict[Client, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self.limit - self.held

    def of(self, client: Client) -> int:
        """Bytes that a client holds."""
        return self._by_client.get(client, 0)

    def clients(self) -> Collection[Client]:
        """Who holds something."""
        return self._by_client.keys()

    def fits(self, client: Client, size: int) -> bool:
        """Whether the client may take so many more."""
        mine, left = self.of(client), self.free - size
        return left >= 0 and (not mine or mine + size <= SHARE * left)

    def take(self, client: Client, size: int) -> None:
        """The client holds so many more."""
        self.held += size
        self._by_client[client] = self.of(client) + size

    def give(self, client: Client, size: int) -> None:
        """The client holds so many less."""
        self.held -= size
        left = self.of(client) - size
        assert left >= 0
        if left:
            self._by_client[client] = left
        else:
            self._by_client.pop(client, None)
