"""How activations of drawn pictures, and of pictures that are looked at, compare with photographs'."""

import math
from collections.abc import Sequence

import numpy as np
from dgnam_proto import arrays
from dgnam_proto.v1.analysis_pb2 import Percentiles
from dgnam_proto.v1.synthesis_pb2 import Percentile

from dgnam_server.catalog import Catalog
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.rpc.places import Found
from dgnam_server.synth.spec import Readout, Term


def of_terms(catalog: Catalog, terms: Sequence[Term], activations: np.ndarray) -> list[Percentile]:
    """One for each term that reads the activation of a unit that an index knows; `activations` (terms,)."""
    found = []
    for number, (term, activation) in enumerate(zip(terms, activations.tolist(), strict=True)):
        unit = term.unit
        index = catalog.indices.with_tap(unit.model, unit.tap) if term.readout is Readout.ACTIVATION else None
        if index is None:
            continue
        by_mean = unit.position is None
        message = Percentile(
            term=number,
            percent=index.percentile(unit.tap, unit.index, activation, by_mean),
            largest=index.largest(unit.tap, unit.index, by_mean),
            index=index.name,
            photographs=index.header.indexed,
        )
        found.append(message)
    return found


def of_places(catalog: Catalog, places: Sequence[Place], activations: Sequence[np.ndarray]) -> list[Percentiles]:
    """One for each place whose units an index knows; `activations` is an array for each place, (pictures, ...)."""
    found = []
    for number, (place, read) in enumerate(zip(places, activations, strict=True)):
        index = catalog.indices.with_tap(place.model, place.tap)
        if index is None:
            continue
        compared = read.reshape(*read.shape[:2], -1).max(2) if place.index is None else read
        largest = index.all_largest(place.tap)
        message = Percentiles(
            place=number,
            percents=arrays.to_message(index.percentiles(place.tap, compared, place.index).astype(np.float32)),
            largest=arrays.to_message(largest if place.index is None else largest[place.index]),
            index=index.name,
            photographs=index.header.indexed,
        )
        found.append(message)
    return found


def values(catalog: Catalog, place: Found, pictures: int) -> int:
    """How many numbers `of_places` says of a place."""
    if catalog.indices.with_tap(place.network.name, place.tap.name) is None:
        return 0
    compared = place.shape[:1] if place.index is None else place.shape
    return (pictures + 1) * math.prod(compared)
