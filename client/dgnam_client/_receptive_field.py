"""Which pixels a position of a map sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """Rows `top` to `bottom` and columns `left` to `right` of a picture, in pixels, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    def scaled(self, size: tuple[int, int], to: tuple[int, int]) -> Box:
        """The box of a picture of `size` (height, width) in the same picture of another one; no pixel that counts is left out."""
        (height, width), (high, wide) = size, to
        return Box(self.top * high // height, self.left * wide // width, -(-self.bottom * high // height), -(-self.right * wide // width))


@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels each position of a convolutional tap's map sees, cut off where the picture ends.

    Attributes:
        rows: For each row of the map, the first row of pixels that it sees, and the one after the last.
        columns: For each column of the map, the same of the pixels' columns.
    """

    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]

    def box(self, position: tuple[int, int]) -> Box:
        """What the units at a position (y, x) see.

        Raises:
            IndexError: The map has no such position.
        """
        y, x = position
        if not (0 <= y < len(self.rows) and 0 <= x < len(self.columns)):
            raise IndexError(f"a map of {len(self.rows)} x {len(self.columns)} has no position {y}, {x}")
        (top, bottom), (left, right) = self.rows[y], self.columns[x]
        return Box(top, left, bottom, right)
