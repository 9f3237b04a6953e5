"""The commands that begin with photographs: accentuate, metamer, vital, inpaint, diversify, facets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dgnam_client._cli import main
from PIL import Image

PIXELS = ("--method", "inversion", "--quiet")


@pytest.fixture(autouse=True)
def photo(folder: Path) -> bytes:
    for number, colour in enumerate(("teal", "gold", "navy", "plum")):
        Path("photos").mkdir(exist_ok=True)
        Image.new("RGB", (20, 20), colour).save(f"photos/{number}.png")
    Image.new("RGB", (20, 20), "teal").save("photo.png")
    return Path("photo.png").read_bytes()


def drawings(server: Any) -> list[Any]:
    return [request for request in server.requests if hasattr(request, "target")]


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        (["accentuate", "photo.png", "alexnet64:fc8:lemon"], "accentuation"),
        (["vital", "alexnet64:fc8:lemon", "photos"], "vital"),
    ],
)
def test_each_has_a_method_of_its_own(arguments: list[str], method: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert f"there is no method '{method}'" in capsys.readouterr().err, "this small server lacks it"


def test_accentuate(server: Any, photo: bytes) -> None:
    assert main(["accentuate", "photo.png", "alexnet64:fc8:lemon", "--nearness", "3", "-o", "a.png", *PIXELS]) == 0
    (request,) = drawings(server)
    unit, near = request.target.terms
    assert unit.unit.label == "lemon" and (near.unit.tap, near.unit.features_of, near.weight) == ("conv1", photo, 3)
    assert request.start_image == photo and request.target.balance == 2  # gradient-norm


def test_metamers_go_both_ways(server: Any, photo: bytes) -> None:
    assert main(["metamer", "photo.png", "alexnet64:conv1", "--unlike", "resnet64:conv1", "-o", "out", *PIXELS]) == 0
    pairs = [
        [(term.unit.model, round(term.weight, 2) if term.HasField("weight") else 1) for term in r.target.terms] for r in drawings(server)
    ]
    assert sorted(pairs) == [[("alexnet64", 1), ("resnet64", -0.1)], [("resnet64", 1), ("alexnet64", -0.1)]]
    assert main(["metamer", "photo.png", "alexnet64:conv1", "-o", "one.png", *PIXELS]) == 0
    assert len(drawings(server)[-1].target.terms) == 1


def test_vital_sends_every_exemplar(server: Any) -> None:
    assert main(["vital", "alexnet64:fc8:lemon", "photos", "-o", "a.png", *PIXELS]) == 0
    (term,) = drawings(server)[0].target.terms
    assert term.unit.tap == "conv1" and len(term.unit.sorted_maps.of) == 4


def test_inpaint_holds_the_rest(server: Any, photo: bytes) -> None:
    assert main(["inpaint", "photo.png", "alexnet64:fc8:lemon", "--hole", "2,3,10,12", "-o", "a.png", "--quiet"]) == 0
    (request,) = drawings(server)
    assert request.hole.photo == photo and request.hole.mask and request.start_image
    assert main(["inpaint", "photo.png", "alexnet64:fc8:lemon", "--mask", "photo.png", "--start", "noise", "-o", "a.png", "--quiet"]) == 0
    assert drawings(server)[1].hole.mask == photo and not drawings(server)[1].HasField("start_image")


def test_each_picture_differs_from_those_before(server: Any) -> None:
    assert main(["diversify", "alexnet64:fc8:lemon", "--pictures", "3", "-o", "out", "--grid", "sheet.png", "--quiet"]) == 0
    requests = drawings(server)
    assert [len(request.target.terms) for request in requests] == [1, 2, 2]
    assert [len(request.target.terms[1].unit.similar_gram_to.of) for request in requests[1:]] == [1, 2]
    assert [request.seed for request in requests] == [0, 1, 2]
    assert len(list(Path("out").glob("*.png"))) == 3 and Path("sheet.png").is_file()


def test_facets_start_from_groups(server: Any) -> None:
    assert main(["facets", "alexnet64:fc8:lemon", "photos", "--groups", "2", "-o", "out", "--quiet"]) == 0
    requests = drawings(server)
    assert len(requests) == 2 and all(request.HasField("start_code") and request.prior == "fc6-prior" for request in requests)
    assert len(list(Path("out").glob("*.png"))) == 2
    assert main(["facets", "alexnet64:fc8:lemon", "photos", "--groups", "2", "-o", "out", *PIXELS]) == 0
    assert all(request.start_image for request in drawings(server)[2:])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["inpaint", "photo.png", "alexnet64:fc8:lemon"], "say where the hole is"),
        (["inpaint", "photo.png", "alexnet64:fc8:lemon", "--hole", "1,2"], "TOP,LEFT,BOTTOM,RIGHT"),
        (["inpaint", "photo.png", "alexnet64:fc8:lemon", "--hole", "1,2,99,4"], "within 20 x 20 pixels"),
        (["vital", "alexnet64:fc8:lemon", "nowhere"], "there is no nowhere"),
        (["diversify", "alexnet64:fc8:lemon", "--pictures", "1"], "one picture differs from none"),
        (["facets", "alexnet64:fc8:lemon", "photos", "--groups", "9"], "9 is not between 2 and 4"),
        (["accentuate", "photo.png", "alexnet64:fc8:lemon", "--alpha", "-o", "a.jpg", *PIXELS], ".jpg files have no transparency"),
    ],
)
def test_bad_requests(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
