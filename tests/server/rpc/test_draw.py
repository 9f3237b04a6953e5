"""Draw: every bad code with its path, and what is sent of the pictures."""

from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import DrawRequest, Include
from dgnam_proto.v1.target_pb2 import Array
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import draw, payload
from dgnam_server.rpc.draw import Codes
from dgnam_server.rpc.errors import InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings


def read(catalog: Catalog, request: DrawRequest, **limits: int) -> Codes:
    return draw.read(Reader(catalog, Settings(**limits)), request)


def request(*shape: int, **fields: Any) -> DrawRequest:
    return DrawRequest(codes=arrays.to_message(np.arange(np.prod(shape)).reshape(shape)), **fields)


NAN = DrawRequest(codes=arrays.to_message(np.full(24, np.nan)))
SHORT = DrawRequest(codes=Array(shape=[24], data=b"1234"))
CASES = [
    ("no codes", DrawRequest(), "codes.shape", r"[] is not [24] or [pictures, 24], the shape of codes of tiny-prior"),
    ("none at all", request(0, 24), "codes.shape", "[0, 24] is not [24] or "),
    ("another size", request(2, 23), "codes.shape", "[2, 23] is not [24] or [pictures, 24]"),
    ("three axes", request(2, 2, 24), "codes.shape", "[2, 2, 24] is not"),
    ("too many", request(65, 24), "codes.shape", "65 codes are more than 64"),
    ("cut short", SHORT, "codes.data", "96 bytes"),
    ("not a number", NAN, "codes.data", "some values are infinite or not numbers"),
    ("a classifier", request(24, prior="tiny"), "prior", "tiny is a classifier and draws no pictures"),
]


@pytest.mark.parametrize(("wrong", "path", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid(tiny: Catalog, wrong: DrawRequest, path: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(tiny, wrong)
    (violation,) = caught.value.violations
    assert violation.field == path
    assert says in violation.description


def test_an_unknown_prior(tiny: Catalog) -> None:
    with pytest.raises(NotFound, match="prior: there is no prior 'tiny-prio'; did you mean tiny-prior"):
        read(tiny, request(24, prior="tiny-prio"))


def test_pictures_that_no_message_holds(tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MAX_MESSAGE_BYTES", 2 * (32 * 32 * 3 * 5) - 1)
    read(tiny, request(1, 24))
    read(tiny, request(2, 24, include=Include(png=False)))
    with pytest.raises(InvalidRequest, match="include: the response would take .* leave out image or png, or send fewer codes"):
        read(tiny, request(2, 24))


def test_one_code_or_several(tiny: Catalog) -> None:
    for asked, shape in ((request(24), (1, 24)), (request(3, 24, prior="tiny-prior"), (3, 24))):
        codes = read(tiny, asked)
        assert (codes.prior.name, codes.values.dtype) == ("tiny-prior", np.float32)
        np.testing.assert_array_equal(codes.values, np.arange(np.prod(shape)).reshape(shape))


def test_response(tiny: Catalog) -> None:
    codes = read(tiny, request(2, 24))
    images = [np.full((8, 6, 3), value, np.float32) for value in (0.5, -1)]
    sent = draw.response(codes, images, Include())
    for picture, image in zip(sent.pictures, images, strict=True):
        np.testing.assert_array_equal(arrays.from_message(picture.image), image)
        assert picture.png.startswith(b"\x89PNG")
    assert dict(sent.model_digests) == {"tiny-prior": tiny.cards["tiny-prior"].sha256}
    (only,) = draw.response(codes, images[:1], Include(image=False)).pictures
    assert only.png and not only.HasField("image")
    (only,) = draw.response(codes, images[:1], Include(png=False)).pictures
    assert only.HasField("image") and not only.png
