"""A picture's trajectory as a file: what each term read at each step."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ._recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def history_file(recipe: Recipe, history: NDArray[np.float32]) -> bytes:
    """A table with a row for each step: its number from 1, and the activation of each term, unweighted. CSV, UTF-8."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["step", *(str(term.unit) for term in recipe.terms)])
    rows.writerows([step, *(f"{value:.7g}" for value in values)] for step, values in enumerate(history, 1))
    return file.getvalue().encode()
