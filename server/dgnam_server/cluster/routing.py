"""Routing: which replicas a call may go to, the best first, so that requests of one lane meet and share batches.

Rules: for each lane the replicas have an order of their own, by rendezvous hashing (Thaler & Ravishankar 1998): where one comes or goes,
only its own lanes move. A replica that has more rows than its batch takes, and a quarter more than the mean, is passed over (bounded loads:
Mirrokni, Thorup & Zadimoghaddam 2018), so that one lane alone still uses all. Calls of no lane go where least is to do.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

_SHARED = ("prior", "method", "determinism", "fit", "height", "width")  # what rows of a batch have in common, beside their taps
_SLACK = 1.25


@dataclass(frozen=True)
class Replica:
    """One server; `batch_rows` are as many as it gains from having together."""

    name: str
    address: str
    batch_rows: int = 1


def lane(message: Message) -> str:
    """What requests have in common that can share a batch, as far as the request says; empty where there is nothing to share."""
    fields = message.DESCRIPTOR.fields_by_name
    taps = sorted({f"{place.model}:{place.tap}" for place in _places(message)})
    if not taps and "prior" not in fields:
        return ""
    facts = [f"{name} {getattr(message, name)}" for name in _SHARED if name in fields]
    if "target" in fields:
        facts.append(f"balance {message.target.balance}")  # type: ignore[attr-defined]
    return "; ".join([message.DESCRIPTOR.name, *facts, *taps])


def rows(message: Message) -> int:
    """How many rows of a batch the request takes, about."""
    fields = message.DESCRIPTOR.fields_by_name
    variants = message.variants if "variants" in fields else 1  # type: ignore[attr-defined]
    images = len(message.images) if "images" in fields else 1  # type: ignore[attr-defined]
    return max(1, int(variants), images)


def ordered(lane_: str, replicas: Sequence[Replica], loads: Mapping[str, int]) -> list[Replica]:
    """The replicas in the order in which to try them. Args: loads: rows that each has now, by name."""

    def load(replica: Replica) -> int:
        return loads.get(replica.name, 0)

    def overfull(replica: Replica) -> bool:
        return load(replica) >= max(replica.batch_rows, bound)

    bound = _SLACK * sum(map(load, replicas)) / max(1, len(replicas))
    by_load = sorted(replicas, key=load)
    if not lane_ or all(map(overfull, replicas)):
        return by_load
    return sorted(sorted(replicas, key=lambda replica: _weight(lane_, replica.name), reverse=True), key=overfull)


def _weight(lane_: str, name: str) -> bytes:
    return hashlib.sha256(f"{lane_}\0{name}".encode()).digest()


def _places(message: Message) -> Iterator[Any]:
    """The parts of the request that name a tap."""
    fields = message.DESCRIPTOR.fields_by_name
    if "target" in fields:
        yield from (term.unit for term in message.target.terms)  # type: ignore[attr-defined]
    if "places" in fields:
        yield from message.places  # type: ignore[attr-defined]
    if "place" in fields:
        yield message.place  # type: ignore[attr-defined]
