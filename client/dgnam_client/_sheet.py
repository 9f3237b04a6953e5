"""Contact sheets: pictures in a grid, each with lines of text under it."""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ._picture_file import rgb
from ._result import Result
from ._unit import Position

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Pixels of the finished sheet.
MARGIN_PX = 32
GAP_PX = 24
TEXT_GAP_PX = 10
LINE_GAP_PX = 5
TITLE_GAP_PX = 24
TITLE_SIZE_PX = 28
HEADING_SIZE_PX = 17
TEXT_SIZE_PX = 14
# Pictures are enlarged by whole factors to about this width, which is room enough for words.
PICTURE_PX = 192
# One line of a caption takes at most so many lines on the sheet.
MAX_WRAPPED = 2

PAPER = (255, 255, 255)
INK = (24, 24, 27)
GREY = (96, 96, 105)


class _Line(NamedTuple):
    text: str
    font: Font
    colour: tuple[int, int, int]


def contact_sheet(
    results: Sequence[Result | Image.Image],
    captions: Sequence[Sequence[str]] | None = None,
    *,
    scale: int | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Image.Image:
    """Draw pictures in a grid on white paper.

    Args:
        results: The pictures, row by row.
        captions: Lines of text under each picture, the first in larger type; default: `caption` of each result. A line that is
            too long is wrapped once and then cut.
        scale: How many times to enlarge the pictures; default: to about 192 px, so 3 for pictures of 64 px.
        columns: Pictures in a row; default: about as many as rows.
        title: A heading over the sheet.

    Returns:
        The sheet, RGB.

    Raises:
        ValueError: No pictures, not one caption for each, or a scale or number of columns below 1.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not results:
        raise ValueError("a contact sheet needs at least one picture")
    if captions is None:
        captions = [caption(result) if isinstance(result, Result) else [] for result in results]
    if len(captions) != len(results):
        raise ValueError(f"{len(results)} pictures have {len(captions)} captions: pass one for each")
    if (scale is not None and scale < 1) or (columns is not None and columns < 1):
        raise ValueError(f"scale and columns start at 1, but are {scale} and {columns}")

    pictures = [result.image if isinstance(result, Result) else rgb(result) for result in results]
    pictures = [_enlarged(picture, scale) for picture in pictures]
    cell_px = max(*(picture.width for picture in pictures), PICTURE_PX if scale is None else 0)
    columns = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    title_font, heading_font, text_font = (ImageFont.load_default(size) for size in (TITLE_SIZE_PX, HEADING_SIZE_PX, TEXT_SIZE_PX))
    blocks = [_lines(lines[:1], heading_font, INK, cell_px) + _lines(lines[1:], text_font, GREY, cell_px) for lines in captions]

    rows = [range(start, min(start + columns, len(pictures))) for start in range(0, len(pictures), columns)]
    picture_px = [max(pictures[index].height for index in row) for row in rows]
    caption_px = [max(sum(_line_px(line.font) for line in blocks[index]) for index in row) for row in rows]
    width = 2 * MARGIN_PX + columns * cell_px + (columns - 1) * GAP_PX
    heading = _lines([title] if title else [], title_font, INK, width - 2 * MARGIN_PX)
    title_px = len(heading) * _line_px(title_font) + TITLE_GAP_PX if heading else 0
    height = 2 * MARGIN_PX + title_px + sum(picture_px) + sum(caption_px) + len(rows) * TEXT_GAP_PX + (len(rows) - 1) * GAP_PX

    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, MARGIN_PX, MARGIN_PX, heading)
    y = MARGIN_PX + title_px
    for row, row_picture_px, row_caption_px in zip(rows, picture_px, caption_px, strict=True):
        for column, index in enumerate(row):
            x = MARGIN_PX + column * (cell_px + GAP_PX)
            picture = pictures[index]
            # Lower pictures of a row stand on the same line as the others, over their captions.
            sheet.paste(picture, (x, y + row_picture_px - picture.height))
            _write(draw, x, y + row_picture_px + TEXT_GAP_PX, blocks[index])
        y += row_picture_px + TEXT_GAP_PX + row_caption_px + GAP_PX
    return sheet


def caption(result: Result) -> list[str]:
    """The lines under a picture where none are given: units; networks and taps; what was read off them; how; what else is to be known."""
    terms = result.recipe.terms
    names = [
        (f"{term.weight:g} * " if term.weight != 1 else "")
        + (f"unit {term.unit.unit}" if isinstance(term.unit.unit, int) else str(term.unit.unit).replace("_", " "))
        + _at(term.unit.position)
        for term in terms
    ]
    places = dict.fromkeys(f"{term.unit.model}:{term.unit.tap}" for term in terms)
    lines = [" + ".join(names), ", ".join(places), f"{result.readout} {result.activation:.4g}"]
    lines += [("" if len(terms) == 1 else f"{names[one.term]}: ") + str(one) for one in result.percentiles]
    return [*lines, f"{result.recipe.method}, seed {result.recipe.seed}", *([result.remark] if result.remark else [])]


def _at(position: Position | None) -> str:
    if position is None:
        return ""
    return f" at token {position}" if isinstance(position, int) else " at {}, {}".format(*position)


def encode(picture: Image.Image, kind: str) -> bytes:
    """A picture as the bytes of a file of Pillow's format `kind`."""
    file = io.BytesIO()
    picture.save(file, format=kind)
    return file.getvalue()


def _enlarged(picture: Image.Image, scale: int | None) -> Image.Image:
    from PIL import Image

    factor = max(1, round(PICTURE_PX / picture.width)) if scale is None else scale
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.LANCZOS) if factor > 1 else picture


def _line_px(font: Font) -> int:
    # The same for each line of a font, whatever letters it has, so that baselines keep their distance.
    _, top, _, bottom = font.getbbox("Ågjp|")
    return math.ceil(bottom - min(top, 0)) + LINE_GAP_PX


def _lines(texts: Sequence[str], font: Font, colour: tuple[int, int, int], width_px: int) -> list[_Line]:
    return [_Line(line, font, colour) for text in texts for line in _wrap(text, font, width_px)]


def _wrap(words: str, font: Font, width_px: int) -> list[str]:
    """A text as at most MAX_WRAPPED lines that fit the width; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    rest = words.split()
    while rest and len(lines) < MAX_WRAPPED:
        taken = 1
        while taken < len(rest) and font.getlength(" ".join(rest[: taken + 1])) <= width_px:
            taken += 1
        if len(lines) + 1 == MAX_WRAPPED:
            taken = len(rest)
        lines.append(_cut(" ".join(rest[:taken]), font, width_px))
        rest = rest[taken:]
    return lines


def _cut(line: str, font: Font, width_px: int) -> str:
    if font.getlength(line) <= width_px:
        return line
    letters = bisect_right(range(1, len(line)), width_px, key=lambda letters: math.ceil(font.getlength(line[:letters] + "…")))
    return line[:letters].rstrip() + "…"


def _write(draw: ImageDraw.ImageDraw, x: int, y: int, lines: Sequence[_Line]) -> None:
    for line in lines:
        draw.text((x, y), line.text, font=line.font, fill=line.colour)
        y += _line_px(line.font)
