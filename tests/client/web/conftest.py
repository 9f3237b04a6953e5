"""Pictures to put on a shelf, and methods to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dgnam_client import Client, Result
from dgnam_client._catalog import Code, Method, Methods, Model, Option
from dgnam_client._target import Term
from dgnam_client._unit import Unit
from dgnam_client._web.catalogue import NamedTerm, Target
from dgnam_client._web.shelf import Shelf

STEPS = Option("steps", "Steps.", 1, 2000, 200, integer=True)
RATE = Option("start_learning_rate", "Rate.", 0, 100, None, part="ascent")
DECAY = Option("decay", "Share.", 0, 1, 0.01, part="decay")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "shelf", 2**20)
    yield made
    made.close()


@pytest.fixture
def drawn(client: Client) -> Callable[..., Result]:
    """Pictures from the small server, each with its own seed."""
    return lambda target="alexnet64:fc8:0", **options: client.synthesize(target, **options)


@pytest.fixture
def methods() -> Methods:
    code = Method("dgn-am", "Code ascent", "Nguyen et al. 2016", (STEPS, RATE, DECAY))
    pixels = Method("pyramid", "Pixel ascent", "", (STEPS,), pixels=True)
    return Methods((code, pixels), "dgn-am", "fc6-prior", "pyramid")


@pytest.fixture
def models() -> list[Model]:
    facts: dict[str, Any] = {"description": "", "licence": "", "digest": "", "architecture": "", "image_size": (8, 8)}
    code = Code(5, "alexnet64", "fc6", 0.25, {"dgn-am": {"steps": 50.0}})
    prior = Model("fc6-prior", "prior", **facts, output_tap="", code=code)
    return [Model("alexnet64", "classifier", **facts, output_tap="fc8", code=None), prior]


def target(*units: int) -> Target:
    return Target(tuple(NamedTerm(Term(Unit("alexnet64", "fc8", unit)), f"thing {unit}") for unit in units))
