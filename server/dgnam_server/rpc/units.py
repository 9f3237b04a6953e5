"""ListUnits: which units match, page by page. A page token says where to go on, and for which query."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from dgnam_models import ModelCard
from dgnam_models.card import Tap
from dgnam_proto.v1.catalog_pb2 import ListUnitsRequest

from dgnam_server.catalog import Catalog
from dgnam_server.rpc import lookup
from dgnam_server.rpc.problems import Problems

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


def page(request: ListUnitsRequest, catalog: Catalog) -> Page:
    """Return the page that is asked for.

    Raises:
        InvalidRequest: the page size is out of range, the token is not one of this query's, or a filter is given where no labels are.
        NotFound: model or tap are unknown.
    """
    problems = Problems()
    size = request.page_size if request.HasField("page_size") else DEFAULT_SIZE
    if not 1 <= size <= LARGEST_SIZE:
        problems.invalid("page_size", f"is {size}; it must be from 1 to {LARGEST_SIZE}")
    network = lookup.network(catalog, request.model, "model", problems)
    tap = None
    if network is not None:
        tap = lookup.tap(network.card, request.tap if request.HasField("tap") else network.card.output_tap, "tap", problems)
    if network is not None and tap is not None and request.filter and not lookup.labels_of(network.card, tap):
        problems.invalid("filter", f"looks at labels, and {tap.name} has none; labels exist on the tap {network.card.output_tap}")
    query = _digest(request.model, tap.name if tap else "", request.filter.casefold())
    start = _start(request.page_token, query, problems)
    problems.raise_any()
    assert network is not None and tap is not None
    matches = _matches(network.card, tap, request.filter.casefold())
    following = start + size
    token = _token(following, query) if following < len(matches) else ""
    return Page(network.card, tap, matches[start:following], len(matches), token)


def _matches(card: ModelCard, tap: Tap, text: str) -> tuple[int, ...]:
    labels = lookup.labels_of(card, tap)
    return tuple(index for index in range(tap.shape[0]) if not text or text in labels[index].casefold())


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()[:6]


def _token(start: int, query: bytes) -> str:
    return base64.urlsafe_b64encode(query + start.to_bytes(6, "big")).decode()


def _start(token: str, query: bytes, problems: Problems) -> int:
    if not token:
        return 0
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != 12 or data[:6] != query:
        problems.invalid("page_token", "is not a token of this query; use the next_page_token of the page before, with the same request")
        return 0
    return int.from_bytes(data[6:], "big")
