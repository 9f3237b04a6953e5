"""Sheets of pictures that do not all have one size."""

import numpy as np
import torch
from dgnam_models.lab.evaluate import sheets
from dgnam_models.photographs import Photographs
from PIL import Image


def plain(size: int, value: int) -> Photographs:
    """Two units, a picture each, of one grey."""
    return Photographs(torch.full((2, 3, size, size), value, dtype=torch.uint8), torch.tensor([0, 1]), ("ball", "box"))


def share(sheet: Image.Image, value: int) -> float:
    """Of a sheet's pixels, those of this grey."""
    return float((np.asarray(sheet.convert("L")) == value).mean())


def test_what_is_drawn_at_several_sizes_stands_side_by_side_at_one() -> None:
    """A prior draws at its own size, a method on pixels at the network's."""
    sheet = sheets.side_by_side({"prior": plain(32, 60), "pixels": plain(56, 180)}, 1, "The same units")
    assert share(sheet, 60) > 0.05
    assert abs(share(sheet, 60) - share(sheet, 180)) < 0.1 * share(sheet, 180)


def test_copies_are_looked_for_beside_photographs_of_another_size() -> None:
    class Training:
        def take(self, index: torch.Tensor) -> Photographs:
            return plain(64, 180).take(index)

    sheet = sheets.memorization(plain(32, 60), {"pixels": torch.tensor([0, 1])}, Training(), "The nearest")  # type: ignore[arg-type]
    assert abs(share(sheet, 60) - share(sheet, 180)) < 0.1 * share(sheet, 180)
