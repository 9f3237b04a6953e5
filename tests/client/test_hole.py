from __future__ import annotations

import io

import pytest
from dgnam_client import Client, Hole, InvalidRequestError
from PIL import Image


def photo() -> Image.Image:
    picture = Image.new("RGB", (20, 10), "red")
    picture.paste("blue", (10, 0, 20, 10))
    return picture


def test_edges_become_a_mask() -> None:
    message = Hole(photo(), (2, 12, 8, 18)).message()
    mask = Image.open(io.BytesIO(message.mask))
    assert mask.size == (20, 10) and sum(value > 0 for value in mask.tobytes()) == 6 * 6
    assert mask.getpixel((12, 2)) == 255 and mask.getpixel((11, 2)) == 0


@pytest.mark.parametrize("edges", [(0, 0, 11, 5), (5, 5, 5, 9), (-1, 0, 4, 4), (1, 2, 3)])
def test_edges_outside_the_photograph(edges: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidRequestError, match=r"not \(top, left, bottom, right\) within 10 x 20 pixels"):
        Hole(photo(), edges).message()


def test_the_hole_is_filled_with_the_mean_of_the_rest() -> None:
    filled = Hole(photo(), (0, 10, 10, 20)).filled()
    assert filled.getpixel((15, 5)) == filled.getpixel((2, 2)) == (255, 0, 0)
    with pytest.raises(InvalidRequestError, match="5 x 5 pixels are not the photograph's 20 x 10"):
        Hole(photo(), Image.new("L", (5, 5))).filled()


def test_what_is_no_picture_is_said_to_be_none() -> None:
    with pytest.raises(InvalidRequestError, match=r"hole\.photo: the file is not a picture, or is damaged"):
        Hole(b"", (0, 0, 5, 5)).message()
    with pytest.raises(InvalidRequestError, match=r"hole\.mask: the file is not a picture"):
        Hole(photo(), b"white").filled()


def test_sixteen_bits_are_scaled() -> None:
    deep = Image.new("I;16", (20, 10), 32768)
    assert Hole(deep, (0, 10, 10, 20)).filled().getpixel((2, 2)) == (128, 128, 128)


def test_a_request_holds_it(server: object, client: Client) -> None:
    client.synthesize("alexnet64:fc8:lemon", hole=Hole(photo(), (0, 0, 5, 5)))
    request = server.requests[-1]  # type: ignore[attr-defined]
    assert request.hole.photo and request.hole.mask
    with pytest.raises(InvalidRequestError, match="is not a Hole"):
        client.synthesize("alexnet64:fc8:lemon", hole=(1, 2, 3, 4))
