"""Squares, by hand."""

import numpy as np
import pytest
import torch
from dgnam_server.analysis import colours
from dgnam_server.analysis.occlusion import Square, covered, totals


def test_a_square_lies_over_the_middle_of_its_cell() -> None:
    square = Square(size=6, stride=4)
    assert square.grid((16, 10)) == (4, 3)
    assert square.box((1, 1), (16, 10)) == (3, 3, 9, 9)
    assert square.box((0, 2), (16, 10)) == (0, 7, 5, 10), "cut off where the picture ends"
    assert Square(2, 5).box((0, 1), (20, 20)) == (1, 6, 3, 8)


def test_every_pixel_is_covered_by_squares_no_smaller_than_their_stride() -> None:
    for square in (Square(3, 3), Square(7, 5), Square(8, 4)):
        seen = np.zeros((21, 33), bool)
        rows, columns = square.grid(seen.shape)
        for cell in np.ndindex(rows, columns):
            top, left, bottom, right = square.box(cell, seen.shape)
            seen[top:bottom, left:right] = True
        assert seen.all(), square


def test_covering_leaves_the_picture_itself() -> None:
    images = torch.zeros(2, 3, 4, 4)
    found = covered(images, [(1, 1, 3, 4), None], torch.tensor([[0.5, 1.0, 0.25], [1.0, 1.0, 1.0]]))
    assert found[0, 0].sum() == 3 and found[0, 1].sum() == 6 and found[1].sum() == 0 and images.sum() == 0


def test_totals_are_rectified() -> None:
    assert totals(torch.tensor([[[[1.0, -2.0]], [[3.0, 4.0]]]])).tolist() == [[1, 7]]
    assert totals(torch.tensor([[-1.0, 2.0]])).tolist() == [[0, 2]]


def test_cells_cover_their_pixels() -> None:
    assert colours.enlarged(np.array([[1, 2], [3, 4]]), (3, 4), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4]]


@pytest.mark.parametrize("how", ["colours", "size", "evidence", "heat"])
def test_maps_as_pictures(how: str) -> None:
    values = np.random.default_rng(0).normal(size=(8, 8, 1 if how == "heat" else 3))
    for scale in (0.0, 1e-6, 1e6):
        drawn = colours.drawn(how, scale * values, np.full((8, 8, 3), 0.5))  # type: ignore[arg-type]
        assert drawn.shape == (8, 8, 3) and 0 <= drawn.min() <= drawn.max() <= 1
        assert (drawn.std() > 0.02) == (scale > 0)


def test_classes_have_colours_of_their_own() -> None:
    drawn = colours.classes(np.array([[5, 5], [7, 999]]), np.zeros((4, 4, 3)), 2)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 3
