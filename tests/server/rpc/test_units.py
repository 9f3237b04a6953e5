"""ListUnits: pages, filters, and tokens that belong to one query."""

import pytest
from dgnam_proto.v1.catalog_pb2 import ListUnitsRequest
from dgnam_server.catalog import Catalog
from dgnam_server.errors import InvalidRequest, NotFound
from dgnam_server.rpc import messages, units


def test_pages_join_to_the_whole(tiny: Catalog) -> None:
    request, found, sizes = ListUnitsRequest(model="tiny", page_size=3), [], []
    while True:
        page = units.page(request, tiny)
        found += page.indices
        sizes.append(len(page.indices))
        assert page.total == 7
        if not page.next_token:
            break
        request.page_token = page.next_token
    assert (found, sizes) == (list(range(7)), [3, 3, 1])


def test_the_last_page_may_be_full(tiny: Catalog) -> None:
    assert units.page(ListUnitsRequest(model="tiny", page_size=7), tiny).next_token == ""


def test_filter_and_message(tiny: Catalog) -> None:
    message = messages.units(units.page(ListUnitsRequest(model="tiny", filter="GO"), tiny))
    assert [(unit.index, unit.label, unit.address) for unit in message.units] == [
        (0, "goldfish", "tiny:fc8:0"),
        (5, "go-kart", "tiny:fc8:5"),
    ]
    assert message.total_size == 2


def test_a_tap_without_labels(tiny: Catalog) -> None:
    message = messages.units(units.page(ListUnitsRequest(model="tiny", tap="conv2"), tiny))
    assert [(unit.index, unit.label) for unit in message.units] == [(index, "") for index in range(6)]
    assert message.units[3].address == "tiny:conv2:3"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"page_size": 0}, "page_size"),
        ({"page_size": 1001}, "page_size"),
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
        units.page(ListUnitsRequest(**{"model": "tiny", **fields}), tiny)  # type: ignore[arg-type]
    assert [violation.field for violation in caught.value.violations] == [path]


def test_a_token_of_another_query(tiny: Catalog) -> None:
    token = units.page(ListUnitsRequest(model="tiny", page_size=2), tiny).next_token
    for other in (
        ListUnitsRequest(model="tiny-res"),
        ListUnitsRequest(model="tiny", tap="fc7"),
        ListUnitsRequest(model="tiny", filter="o"),
    ):
        other.page_token = token
        with pytest.raises(InvalidRequest, match="page_token"):
            units.page(other, tiny)


def test_not_found(tiny: Catalog) -> None:
    with pytest.raises(NotFound, match="did you mean tiny"):
        units.page(ListUnitsRequest(model="tyni"), tiny)
    with pytest.raises(NotFound, match="did you mean fc8"):
        units.page(ListUnitsRequest(model="tiny", tap="fc88"), tiny)
