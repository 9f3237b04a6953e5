"""The receptive fields of taps, each worked out once, beside the event loop and the device."""

import asyncio
from dataclasses import dataclass, field

from dgnam_models import Network, receptive_field
from dgnam_models.receptive_field import ReceptiveField


@dataclass(frozen=True, eq=False)
class ReceptiveFields:
    """Those that were asked for."""

    _known: dict[tuple[str, str], ReceptiveField | None] = field(default_factory=dict)

    async def of(self, network: Network, tap: str) -> ReceptiveField | None:
        """What the positions of a tap's map see; None where it has no map, or where it cannot be told."""
        at = network.name, tap
        if at not in self._known:
            self._known[at] = await asyncio.to_thread(receptive_field.receptive_field, network, tap)
        return self._known[at]

    async def largest(self, network: Network, tap: str) -> tuple[int, int]:
        """Height and width in pixels of what any unit of a tap sees; all of the network's input where that cannot be told."""
        known = await self.of(network, tap)
        if known is None:
            return network.input_size
        return max(end - start for start, end in known.rows), max(end - start for start, end in known.columns)
