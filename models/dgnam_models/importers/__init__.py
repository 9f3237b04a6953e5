"""Importers, one per source of networks: what somebody has becomes a card and weights that `pack.write` puts into a pack."""

import re
from pathlib import Path

LICENCE = "not stated here: whoever published the weights says what they may be used for"


def read_labels(path: Path) -> tuple[str, ...]:
    """One label per line; a WordNet number in front, as in the lists of ImageNet's synsets, is left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(re.sub(r"^n\d{8}\s+", "", line.strip()) for line in lines if line.strip())
