from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dgnam_client import Term, Unit, _sheet, contact_sheet
from dgnam_client._target import target_message
from dgnam_client._wire import results
from dgnam_proto.v1 import synthesis_pb2, target_pb2
from PIL import Image, ImageFont

FONT = ImageFont.load_default(14)


def black(width: int = 64, height: int = 64) -> Image.Image:
    return Image.new("RGB", (width, height))


def inked(sheet: Image.Image) -> np.ndarray:
    return np.asarray(sheet.convert("L")) < 250


def test_pictures_of_every_mode_look_right() -> None:
    """16 bits and floats are scaled, and what is transparent is paper."""
    grey = np.full((16, 16), 128, np.uint8)
    modes = [grey, grey.astype(np.uint16) * 257, (grey / 255).astype(np.float32)]
    sheets = [np.asarray(contact_sheet([Image.fromarray(values)], [[]])) for values in modes]
    assert all(np.array_equal(sheet, sheets[0]) for sheet in sheets) and (sheets[0] == 128).all(2).any()
    clear = np.asarray(contact_sheet([Image.new("RGBA", (16, 16), (200, 0, 0, 0))], [[]]))
    assert not (clear == (200, 0, 0)).all(2).any()


@pytest.mark.parametrize(
    ("count", "columns", "across", "down"), [(1, None, 1, 1), (4, None, 2, 2), (5, None, 3, 2), (3, 5, 3, 1), (6, 2, 2, 3)]
)
def test_grid(count: int, columns: int | None, across: int, down: int) -> None:
    sheet = contact_sheet([black()] * count, columns=columns)
    assert sheet.mode == "RGB"
    assert sheet.width == 2 * 32 + across * 192 + (across - 1) * 24
    assert sheet.height == 2 * 32 + down * (192 + 10) + (down - 1) * 24
    assert inked(sheet).sum() == count * 192 * 192


def test_pictures_of_64_pixels_are_enlarged_three_times() -> None:
    assert contact_sheet([black()]).width == 2 * 32 + 3 * 64
    assert contact_sheet([black()], scale=1).width == 2 * 32 + 64
    assert contact_sheet([black(500, 300)]).width == 2 * 32 + 500


def test_default_captions(result_message: Any) -> None:
    target = target_message([Term(Unit("alexnet64", "fc8", "tabby_cat")), Term(Unit("alexnet64", "conv5", 12, (6, 7)), -0.5)])
    result = results.result(result_message(*target.terms, seed=3))
    assert _sheet.caption(result) == [
        "tabby cat + -0.5 * unit 12 at 6, 7",
        "alexnet64:fc8, alexnet64:conv5",
        "activation 12.5",
        "dgn-am, seed 3",
    ]
    assert contact_sheet([result]).height > contact_sheet([result], [[]]).height


def test_a_caption_says_what_the_number_is_and_that_there_was_no_gradient(result_message: Any) -> None:
    message = result_message()
    message.term_readouts[:], message.ending = [target_pb2.READOUT_LOG_PROBABILITY], synthesis_pb2.ENDING_NO_GRADIENT
    *_, read, how, remark = _sheet.caption(results.result(message))
    assert (read, how) == ("log-probability 12.5", "dgn-am, seed 0")
    assert remark == "no gradient: the picture says nothing of the target"


@pytest.mark.parametrize(
    "words", ["lemon", "a few words that take two lines here", "word " * 60, "x" * 200, "Ågjp |" * 30, "漢字 " * 50, "", "  "]
)
def test_text_stays_in_its_cell(words: str) -> None:
    sheet = contact_sheet([black()] * 4, [[words, words, words]] * 4, columns=2, title=words)
    ink = inked(sheet)
    margins = np.ones_like(ink)
    margins[32:-32, 32:-32] = False
    assert not ink[margins].any()
    gap = slice(32 + 192, 32 + 192 + 24)
    title_px = sheet.height - contact_sheet([black()] * 4, [[words, words, words]] * 4, columns=2).height
    assert not ink[32 + title_px :, gap].any()


def test_lines_do_not_touch() -> None:
    sheet = contact_sheet([black()], [["Ågjp|" * 4, "Ågjp|" * 5, "Ågjp|" * 5]])
    rows = inked(sheet)[32 + 192 :, 32:-32].any(axis=1)
    blocks = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(int)) == 1)
    assert len(blocks) == 3


def test_wrapping() -> None:
    assert _sheet._wrap("lemon", FONT, 200) == ["lemon"]
    assert _sheet._wrap("", FONT, 200) == []
    wrapped = _sheet._wrap("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu", FONT, 150)
    assert len(wrapped) == 2 and wrapped[0].startswith("alpha beta") and wrapped[1].endswith("…")
    assert all(FONT.getlength(line) <= 150 for line in wrapped)
    (first, *_) = _sheet._wrap("x" * 100 + " y", FONT, 150)
    assert first.endswith("…") and FONT.getlength(first) <= 150


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
    with pytest.raises(ValueError, match="2 pictures have 1 captions"):
        contact_sheet([black()] * 2, [["one"]])
    with pytest.raises(ValueError, match="start at 1"):
        contact_sheet([black()], scale=0)
    with pytest.raises(ValueError, match="start at 1"):
        contact_sheet([black()], columns=0)
