"""A second opinion: what a network that took no part calls a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._client import Client
from .._errors import InvalidRequestError
from .._result import Result
from .._target import Term
from .catalog import Catalog
from .waiting import Waits

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Judge:
    """Reads off a network the probability of what pictures are meant to show.

    Args:
        name: The judge.
        targets: All targets; each unit must have a label that the judge knows too.

    Raises:
        InvalidRequestError: A unit has no label, or one that the judge does not know; or the judge has no labels.
        NotFoundError: The server has no such network.
    """

    def __init__(self, client: Client, catalog: Catalog, name: str, targets: Iterable[tuple[Term, ...]]) -> None:
        self.name, self._client, self._catalog = name, client, catalog
        model = catalog.model(name)
        self._tap = model.output_tap
        self._units = {_folded(label): index for index, label in enumerate(model.labels)}
        if not self._units:
            raise InvalidRequestError(f"--judge {name}: it has no labels, so it can give no opinion")
        labels = {(str(term.unit), catalog.label(term.unit)) for terms in targets for term in terms}
        if nameless := sorted(address for address, label in labels if not label):
            raise InvalidRequestError(f"--judge {name}: no label says what {nameless[0]} should look like: judge units that have one")
        if unknown := sorted(label for _, label in labels if _folded(label) not in self._units):
            raise InvalidRequestError(f"--judge {name}: it does not know {', '.join(unknown[:3])}")

    def probability(self, terms: tuple[Term, ...], result: Result, timeout: float | None, waits: Waits) -> float:
        """The probability that the judge gives what the picture should show: of a target of several units the mean of theirs.

        Units that are to be avoided, whose weight is negative, do not count.
        """
        wanted = [term for term in terms if term.weight > 0] or list(terms)
        read = self._client.activations(result, f"{self.name}:{self._tap}", timeout=timeout, **waits).array
        shares = probabilities(read)
        return float(sum(shares[self._units[_folded(self._catalog.label(term.unit))]] for term in wanted)) / len(wanted)


def probabilities(outputs: NDArray[Any]) -> NDArray[Any]:
    """The softmax of a network's outputs (units,), in float64; outputs that are probabilities already stay as they are."""
    import numpy as np

    values = outputs.astype(np.float64)
    if values.min() >= 0 and abs(values.sum() - 1) < 1e-3:
        return values
    grown = np.exp(values - values.max())
    return np.asarray(grown / grown.sum())


def _folded(label: str) -> str:
    return re.sub(r"[\s_-]+", " ", label).strip().casefold()
