"""ListUnits: which units match, page by page. A page token says where to go on, and for which query."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from dgnam_models import ModelCard
from dgnam_models.card import Tap
from dgnam_proto.v1.catalog_pb2 import ListUnitsRequest, ListUnitsResponse, UnitInfo

from dgnam_server.rpc import lookup
from dgnam_server.rpc.fields import Reader

DEFAULT_SIZE = 100
LARGEST_SIZE = 1000


@dataclass(frozen=True)
class Page:
    """Some units of a tap by index; `total` match in all, `next_token` is empty on the last page."""

    card: ModelCard
    tap: Tap
    indices: tuple[int, ...]
    total: int
    next_token: str


def page(reader: Reader, request: ListUnitsRequest) -> Page:
    """Return the page that is asked for; a size of 0 is the default, and one too large the largest (AIP-158).

    Raises:
        InvalidRequest: the token is not one of this query's, or a filter is given where no labels are.
        NotFound: model or tap are unknown.
    """
    size = min(request.page_size, LARGEST_SIZE) or DEFAULT_SIZE
    network = lookup.network(reader.at("model"), request.model)
    tap = None
    if network is not None:
        name = request.tap if request.HasField("tap") else network.card.output_tap
        tap = lookup.tap(reader.at("tap"), network.card, name)
        if tap is not None and request.filter and not lookup.labels_of(network.card, tap):
            reader.at("filter").invalid(f"{network.name}:{tap.name} has no labels to filter by: leave it out")
    query = _digest(request.model, tap.name if tap else "", request.filter.casefold())
    start = _start(reader.at("page_token"), request.page_token, query)
    reader.raise_any()
    assert network is not None and tap is not None
    matches = _matches(network.card, tap, request.filter.casefold())
    following = start + size
    token = _token(following, query) if following < len(matches) else ""
    return Page(network.card, tap, matches[start:following], len(matches), token)


def message(page: Page) -> ListUnitsResponse:
    """A page for the wire."""
    labels, place = lookup.labels_of(page.card, page.tap), f"{page.card.name}:{page.tap.name}"
    clear = all(number == unit for unit, number in lookup.numeric(labels).items())
    place += ":" if clear else ":index="  # a bare number could be another unit's label
    return ListUnitsResponse(
        units=[UnitInfo(index=index, label=labels[index] if labels else "", address=f"{place}{index}") for index in page.indices],
        next_page_token=page.next_token,
        total_size=page.total,
    )


def _matches(card: ModelCard, tap: Tap, text: str) -> tuple[int, ...]:
    labels = lookup.labels_of(card, tap)
    return tuple(index for index in range(tap.shape[0]) if not text or text in labels[index].casefold())


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()[:6]


def _token(start: int, query: bytes) -> str:
    return base64.urlsafe_b64encode(query + start.to_bytes(6, "big")).decode()


def _start(reader: Reader, token: str, query: bytes) -> int:
    if not token:
        return 0
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != 12 or data[:6] != query:
        reader.invalid("not a token of this query: send the next_page_token of the page before, with the same request")
        return 0
    return int.from_bytes(data[6:], "big")
