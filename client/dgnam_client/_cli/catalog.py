"""What the server tells of its models, asked once for each."""

from __future__ import annotations

from dataclasses import replace

from .._catalog import Model
from .._client import Client
from .._exemplars import Exemplars
from .._receptive_field import ReceptiveField
from .._unit import Unit
from .waiting import Waits


class Catalog:
    """Models with their labels, and taps with their receptive fields."""

    def __init__(self, client: Client, timeout: float | None) -> None:
        self._client, self._timeout = client, timeout
        self._models: dict[str, Model] = {}
        self._exemplars: dict[tuple[Unit, str | None], Exemplars] = {}
        self._fields: dict[tuple[str, str], ReceptiveField | None] = {}

    def model(self, name: str) -> Model:
        """A model with its taps and labels."""
        if name not in self._models:
            self._models[name] = self._client.model(name, timeout=self._timeout)
        return self._models[name]

    def label(self, unit: Unit) -> str:
        """A unit's label; empty where it has none."""
        if isinstance(unit.unit, str):
            return unit.unit
        model = self.model(unit.model)
        named = isinstance(unit.unit, int) and unit.tap == model.output_tap and unit.unit < len(model.labels)
        return model.labels[unit.unit] if named else ""  # type: ignore[index]

    def exemplars(self, unit: Unit, index: str | None, waits: Waits) -> Exemplars:
        """The photographs that excite a unit most, wherever in its map.

        Raises:
            DgnamError: The server has none.
        """
        bare = replace(unit, position=None)
        if (bare, index) not in self._exemplars:
            self._exemplars[bare, index] = self._client.exemplars(bare, index=index, timeout=self._timeout, **waits)
        return self._exemplars[bare, index]

    def receptive_field(self, unit: Unit) -> ReceptiveField | None:
        """What the positions of the unit's tap see; None where the server cannot tell."""
        key = unit.model, unit.tap
        if key not in self._fields:
            self._fields[key] = self._client.receptive_field(*key)
        return self._fields[key]
