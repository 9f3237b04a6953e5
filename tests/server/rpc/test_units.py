"""ListUnits: pages, filters, and tokens that belong to one query."""

from dataclasses import replace

import pytest
from dgnam_proto.v1.catalog_pb2 import ListUnitsRequest
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import units
from dgnam_server.rpc.errors import InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.units import Page
from dgnam_server.settings import Settings


def page(catalog: Catalog, request: ListUnitsRequest) -> Page:
    return units.page(Reader(catalog, Settings()), request)


def test_pages_join_to_the_whole(tiny: Catalog) -> None:
    request, found, sizes = ListUnitsRequest(model="tiny", page_size=3), [], []
    while True:
        some = page(tiny, request)
        found += some.indices
        sizes.append(len(some.indices))
        assert some.total == 7
        if not some.next_token:
            break
        request.page_token = some.next_token
    assert (found, sizes) == (list(range(7)), [3, 3, 1])


def test_the_last_page_may_be_full(tiny: Catalog) -> None:
    assert page(tiny, ListUnitsRequest(model="tiny", page_size=7)).next_token == ""


@pytest.mark.parametrize(("asked", "given"), [(None, 3), (0, 3), (2, 2), (5, 5), (6, 5), (2**32 - 1, 5)])
def test_a_size_that_is_0_or_too_large_is_coerced(tiny: Catalog, monkeypatch: pytest.MonkeyPatch, asked: int | None, given: int) -> None:
    monkeypatch.setattr(units, "DEFAULT_SIZE", 3)
    monkeypatch.setattr(units, "LARGEST_SIZE", 5)
    assert len(page(tiny, ListUnitsRequest(model="tiny", page_size=asked)).indices) == given


def test_filter_and_message(tiny: Catalog) -> None:
    message = units.message(page(tiny, ListUnitsRequest(model="tiny", filter="GO")))
    assert [(unit.index, unit.label, unit.address) for unit in message.units] == [
        (0, "goldfish", "tiny:fc8:0"),
        (5, "go-kart", "tiny:fc8:5"),
    ]
    assert message.total_size == 2


def test_addresses_say_that_they_are_indices_where_labels_are_other_numbers(tiny: Catalog) -> None:
    network = tiny.networks["tiny"]
    before = network.card
    try:
        for labels, address in ((("1", "10", "2", "20", "3", "a", "b"), "tiny:fc8:index=1"), (tuple("0123456"), "tiny:fc8:1")):
            network.card = replace(before, labels=labels)
            assert units.message(page(tiny, ListUnitsRequest(model="tiny"))).units[1].address == address
    finally:
        network.card = before


def test_a_tap_without_labels(tiny: Catalog) -> None:
    message = units.message(page(tiny, ListUnitsRequest(model="tiny", tap="conv2")))
    assert [(unit.index, unit.label) for unit in message.units] == [(index, "") for index in range(6)]
    assert message.units[3].address == "tiny:conv2:3"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"page_token": "?"}, "page_token"),
        ({"page_token": "ä"}, "page_token"),
        ({"page_token": "AAAAAAAAAAAAAAAA"}, "page_token"),
        ({"tap": "conv2", "filter": "a"}, "filter"),
        ({"model": "tiny-prior"}, "model"),
        ({"model": ""}, "model"),
    ],
)
def test_invalid(tiny: Catalog, fields: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        page(tiny, ListUnitsRequest(**{"model": "tiny", **fields}))  # type: ignore[arg-type]
    assert [violation.field for violation in caught.value.violations] == [path]


def test_a_token_of_another_query(tiny: Catalog) -> None:
    token = page(tiny, ListUnitsRequest(model="tiny", page_size=2)).next_token
    for other in (
        ListUnitsRequest(model="tiny-res"),
        ListUnitsRequest(model="tiny", tap="fc7"),
        ListUnitsRequest(model="tiny", filter="o"),
    ):
        other.page_token = token
        with pytest.raises(InvalidRequest, match="page_token"):
            page(tiny, other)


def test_not_found(tiny: Catalog) -> None:
    with pytest.raises(NotFound, match="did you mean tiny"):
        page(tiny, ListUnitsRequest(model="tyni"))
    with pytest.raises(NotFound, match="did you mean fc8"):
        page(tiny, ListUnitsRequest(model="tiny", tap="fc88"))
