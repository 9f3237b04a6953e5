"""How the activations of a drawn picture compare with photographs'."""

from collections.abc import Sequence

import numpy as np
from dgnam_proto.v1.synthesis_pb2 import Percentile

from dgnam_server.catalog import Catalog
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
