from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from dgnam_client import Recipe, Result
from dgnam_client._web.shelf import Shelf
from PIL import Image

LEMON, TEAPOT = "alexnet64:fc8:0", "alexnet64:fc8:1"
PAIR = f"{LEMON}+{TEAPOT}"


def test_what_is_kept_is_found_after_a_restart(shelf: Shelf, drawn: Callable[..., Result], tmp_path: Path) -> None:
    result = drawn(seed=3)
    digest = shelf.keep(result, LEMON, [LEMON]).digest
    shelf.close()
    again = Shelf(tmp_path / "shelf", 2**20)
    kept, content = again.find(digest), again.content(digest)
    assert kept is not None and content is not None
    assert (kept.target, kept.method, kept.seed, kept.activation) == (LEMON, "dgn-am", 3, 12.5)
    assert content.png == result.png
    assert Recipe.from_json(content.recipe) == result.recipe
    assert Image.open(io.BytesIO(content.thumbnail)).format == "WEBP"
    again.close()


def test_the_address_is_the_digest_of_the_recipe(shelf: Shelf, drawn: Callable[..., Result]) -> None:
    """So the same request has the same address, and another seed, or an option, another one."""
    first, same, other = (shelf.keep(drawn(**options), LEMON, [LEMON]).digest for options in ({}, {}, {"decay": 0.5}))
    assert first == same != other
    assert shelf.count_of_target(LEMON) == 2


def test_the_curve_ends_with_the_last_step(shelf: Shelf, drawn: Callable[..., Result]) -> None:
    assert shelf.keep(drawn(steps=5), LEMON, [LEMON]).curve == (0, 1, 2, 3, 4)
    long = shelf.keep(drawn(steps=999), LEMON, [LEMON]).curve
    assert len(long) <= 120 and long[-1] == 998
    pair = shelf.keep(drawn([LEMON, f"0.5*{TEAPOT}"], steps=2), PAIR, [LEMON, TEAPOT])
    assert pair.curve == pytest.approx((0 + 0.5 * 1, 2 + 0.5 * 3))


def test_pictures_of_a_target_and_those_that_a_unit_shares(shelf: Shelf, drawn: Callable[..., Result]) -> None:
    for seed in (2, 0):
        shelf.keep(drawn(seed=seed), LEMON, [LEMON])
    pair = shelf.keep(drawn([LEMON, TEAPOT]), PAIR, [LEMON, TEAPOT])
    assert [kept.seed for kept in shelf.of_target(LEMON, 10)] == [0, 2]
    assert [kept.seed for kept in shelf.of_target(LEMON, 10, 1)] == [2]
    assert shelf.shared(TEAPOT, 10) == shelf.shared(LEMON, 10) == [pair]
    assert shelf.newest(1) == [pair]
    covers = shelf.covers([LEMON, TEAPOT])
    assert covers == {LEMON: shelf.of_target(LEMON, 10)[0].digest}, "the one drawn last, of those that are the unit's alone"


def test_where_it_is_full_those_seen_least_lately_go(drawn: Callable[..., Result], tmp_path: Path) -> None:
    results = [drawn(seed=seed) for seed in range(8)]
    shelf = Shelf(tmp_path / "small", 1)
    first = shelf.keep(results[0], LEMON, [LEMON])
    assert shelf.find(first.digest) is not None, "what has just been drawn is kept, whatever its size"
    size = sum(map(len, vars(shelf.content(first.digest)).values()))
    shelf.most_bytes = int(4.5 * size)
    kept = [shelf.keep(result, LEMON, [LEMON]).digest for result in results[1:5]]
    shelf.content(kept[0])  # somebody looks at it
    shelf.keep(results[6], LEMON, [LEMON])
    left = {one.digest for one in shelf.of_target(LEMON, 10)}
    assert kept[0] in left and kept[1] not in left
    assert shelf.content(kept[1]) is None and shelf.thumbnail(kept[1]) is None and shelf.find(kept[1]) is None
    shelf.close()


def test_what_cannot_be_written_is_told(shelf: Shelf, drawn: Callable[..., Result]) -> None:
    """So the drawing fails, in place of growing for ever."""
    shelf._base.execute("PRAGMA query_only = ON")
    with pytest.raises(OSError, match="the picture cannot be kept"):
        shelf.keep(drawn(), LEMON, [LEMON])


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "gallery.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match="gallery.sqlite cannot be used"):
        Shelf(tmp_path, 1)
