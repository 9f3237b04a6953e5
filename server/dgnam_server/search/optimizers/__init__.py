"""Optimizers: what draws points from, and learns of their scores. A new one is a file here and a line in the table."""

from dgnam_server.search.optimizers import diagonal_cma, full_cma, genetic, spherical_cma
from dgnam_server.search.optimizers.optimizer import Entry

ENTRIES = (full_cma.ENTRY, diagonal_cma.ENTRY, spherical_cma.ENTRY, genetic.ENTRY)
OPTIMIZERS: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}
DEFAULT_OPTIMIZER = full_cma.ENTRY.name

__all__ = ["DEFAULT_OPTIMIZER", "OPTIMIZERS", "Entry"]
