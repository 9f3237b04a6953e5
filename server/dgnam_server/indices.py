"""Indices: the indices of photographs this server was given, by the network they are of. Opened once at start-up, then only read."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgnam_models import ModelCard
from dgnam_models.errors import ExemplarError
from dgnam_models.exemplars import HEADER, PLAN, ExemplarIndex

from dgnam_server.faults import Fault, SettingsError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Indices:
    """Attributes:
    of: by a network's name its indices.
    unusable: by a network's name why others are not used.
    """

    of: Mapping[str, Sequence[ExemplarIndex]] = field(default_factory=dict)
    unusable: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def with_tap(self, network: str, tap: str) -> ExemplarIndex | None:
        """The first index with the units of a tap."""
        return next((index for index in self.of.get(network, ()) if index.has(tap)), None)


def load(folders: Sequence[Path], cards: Mapping[str, ModelCard]) -> Indices:
    """Open the indices in `folders`, each an index or a folder of several.

    Those of networks that are not loaded, or of other weights, are left out and told in the log.

    Raises:
        SettingsError: a folder holds none, an index is damaged, or two of one network have the same name.
    """
    found: dict[str, list[ExemplarIndex]] = {}
    unusable: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for folder in folders:
        try:
            for index in _opened(folder):
                network = index.header.network
                if network in cards and index.is_of(cards[network]):
                    if index.name in [other.name for other in found.get(network, ())]:
                        raise ExemplarError(f"two indices of {network} are called {index.name}: rename the folder of one")
                    found.setdefault(network, []).append(index)
                else:
                    why = f"the index {index.name} is of {network} with other weights ({index.header.digest[:12]}): index anew"
                    unusable.setdefault(network, []).append(why)
                    log.warning("not used: %s", why if network in cards else f"the index {index.name}, as {network} is not served")
        except ExemplarError as error:
            faults.append(Fault("indices", str(error)))
    if faults:
        raise SettingsError(faults)
    return Indices(found, unusable)


def _opened(folder: Path) -> list[ExemplarIndex]:
    if (folder / HEADER).is_file() or (folder / PLAN).is_file():
        return [ExemplarIndex.open(folder.absolute())]
    inside = sorted(path.parent for path in folder.glob(f"*/{HEADER}"))
    if not inside:
        raise ExemplarError(f"{folder} holds no index: make one with `dgnam-models index`")
    return [ExemplarIndex.open(one.absolute()) for one in inside]
