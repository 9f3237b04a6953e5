from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dgnam_client._cli import main
from PIL import Image


@pytest.fixture(autouse=True)
def photo(folder: Path) -> bytes:
    Image.new("RGB", (20, 20), "teal").save("photo.png")
    return Path("photo.png").read_bytes()


def drawings(server: Any) -> list[Any]:
    return [request for request in server.requests if hasattr(request, "target")]


def test_a_tap_and_a_filter(server: Any, photo: bytes) -> None:
    assert main(["invert", "photo.png", "alexnet64:conv5", "alexnet64:conv5:3", "--steps", "7", "-o", "out", "--quiet"]) == 0
    tap, one = sorted(
        (request.target.terms[0].unit for request in drawings(server)), key=lambda unit: unit.WhichOneof("unit"), reverse=True
    )
    assert tap.features_of == photo and (one.feature_map.index, one.feature_map.of) == (3, photo)
    assert {(request.method, request.options["steps"]) for request in drawings(server)} == {("inversion", 7)}
    assert len(list(Path("out").glob("*.png"))) == len(list(Path("out").glob("*.json"))) == 2


def test_a_network_stands_for_all_its_taps(server: Any) -> None:
    assert main(["invert", "photo.png", "alexnet64", "--grid", "sheet.png", "--quiet"]) == 0
    taps = {request.target.terms[0].unit.tap for request in drawings(server)}
    assert taps == {"conv1", "fc8"} and Path("sheet.png").is_file()


def test_random_maps(server: Any, photo: bytes) -> None:
    assert main(["invert", "photo.png", "alexnet64:conv5", "--random", "--variants", "2", "-o", "out", "--quiet"]) == 0
    requests = drawings(server)
    assert {request.target.terms[0].unit.random_maps_of for request in requests} == {photo}
    assert sorted(request.seed for request in requests) == [0, 1]


def test_where_it_starts(server: Any, photo: bytes) -> None:
    for start in ("noise", "mean", "photo.png", "prior"):
        assert main(["invert", "photo.png", "alexnet64:fc6", "--start", start, "-o", "a.png", "--quiet"]) == 0
    noise, mean, picture, encoded, from_prior = drawings(server)
    assert not noise.HasField("start_image") and picture.start_image == photo
    assert mean.start_image and mean.start_image != photo
    assert encoded.start_image == photo and encoded.options["steps"] == 1 and encoded.method == "dgn-am"
    assert from_prior.method == "inversion" and from_prior.start_image not in (b"", photo)


def test_feed_forward_beside_it(server: Any) -> None:
    assert main(["invert", "photo.png", "alexnet64:fc6", "--feed-forward", "-o", "out", "--quiet"]) == 0
    feed_forward, iterative = drawings(server)
    assert (feed_forward.prior, feed_forward.options["steps"], iterative.method) == ("fc6-prior", 1, "inversion")
    assert len(list(Path("out").glob("*.png"))) == 2


def test_a_prior_draws(server: Any) -> None:
    assert main(["invert", "photo.png", "alexnet64:conv5", "--prior", "fc6-prior", "-o", "a.png", "--quiet"]) == 0
    (request,) = drawings(server)
    assert request.prior == "fc6-prior" and not request.HasField("method")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["alexnet64:fc8:lemon"], "alexnet64:fc8:lemon cannot be inverted"),
        (["alexnet64:conv5:3", "--random"], "--random deals out all maps of a tap, such as alexnet64:conv3, not of alexnet64:conv5:3"),
        (["alexnet64:conv5", "--feed-forward"], "no prior inverts these taps; the priors here invert alexnet64:fc6"),
    ],
)
def test_bad_requests(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invert", "photo.png", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_photograph_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invert", "none.png", "alexnet64:conv5"]) == 1
    assert "none.png" in capsys.readouterr().err
