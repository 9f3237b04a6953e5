"""What clients of a soak ask for, and which answers are right: every RPC, in its usual ways and in hostile ones."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from dgnam_client import Client, DgnamError, UnavailableError
from dgnam_proto.v1 import synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from picture_files import claiming, noise, of_many_scans

LEMON, CODE = "tiny:fc8:lemon", 24
READ_TIMEOUT_S = 4.0  # of the soak's servers
ENOUGH_S = 300.0  # for an ordinary call, however busy the machine is
PHOTO = noise(48, 40, "JPEG")
DAMAGED = noise(64, 64)[:2000]
MANY_SCANS, HUGE = of_many_scans(64, 64, 3000), claiming(30_000, 30_000)
SLOW = of_many_scans(2000, 2000, 50)


@dataclass(frozen=True)
class Kind:
    """A way to use the server.

    Attributes:
        call: makes one; what it raises is the answer.
        right: the answers that are right, beside RESOURCE_EXHAUSTED of a full server.
        share: how often, beside the others.
    """

    call: Callable[[Client, random.Random], object]
    right: tuple[str, ...] = ("OK",)
    share: int = 2


def _search(client: Client, chance: random.Random) -> None:
    search = client.search(optimizer="genetic", population=4, max_pictures=8, seed=chance.randrange(1000))
    for pictures in search:
        search.tell([float(picture.number) for picture in pictures])
    assert search.best() is not None
    client.searches()
    search.delete()


def _left(client: Client, chance: random.Random) -> None:
    events = client.stream(LEMON, steps=2000, variants=2, preview_interval=5)
    list(islice(events, chance.randrange(1, 5)))
    events.close()


def _unread(client: Client, chance: random.Random) -> None:
    """Large results that nobody reads for longer than the server waits; then they are read to the end."""
    asked = SynthesizePixelsRequest(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=1))]), options={"steps": 1})
    asked.height = asked.width = 256
    asked.variants, asked.seed = 8, chance.randrange(1000)
    channel = client._calls.connection.open()  # of its own: one connection's flow control is shared by its calls
    with channel:
        stream = synthesis_pb2_grpc.SynthesisServiceStub(channel).SynthesizePixels(asked, timeout=ENOUGH_S)
        next(stream)
        time.sleep(READ_TIMEOUT_S + 2)
        for _ in stream:
            pass


def _asked(client: Client, _: random.Random) -> None:
    client.models()
    client.units("tiny")
    client.methods()
    client.optimizers()
    client.server_info()


KINDS: dict[str, Kind] = {
    "synthesize": Kind(lambda client, chance: client.synthesize(LEMON, seed=chance.randrange(1000), steps=chance.choice([5, 30])), share=8),
    "variants": Kind(lambda client, _: client.synthesize(LEMON, steps=10, variants=5, priority="batch"), share=3),
    "strict": Kind(lambda client, _: client.synthesize(LEMON, steps=10, determinism="strict"), share=1),
    "pixels": Kind(lambda client, _: client.synthesize_pixels("tiny:conv2:1", steps=5, size=48)),
    "draw": Kind(lambda client, chance: client.draw(np.full((3, CODE), chance.random()))),
    "activations": Kind(lambda client, _: client.activations(PHOTO, ["tiny:fc8", "tiny-res:fc:koala"])),
    "project": Kind(lambda client, _: client.project(PHOTO, LEMON, enlarge=True)),
    "occlude": Kind(lambda client, _: client.occlude(PHOTO, "tiny", stride=8), share=1),
    "transform": Kind(lambda client, _: client.transform(PHOTO, "tiny", rotations=[-90, 90], scales=[1.5], priority="batch"), share=1),
    "exemplars": Kind(lambda client, _: client.exemplars("tiny:conv2:1", queue_timeout_s=600), ("FAILED_PRECONDITION",), 1),  # no index
    "filters": Kind(lambda client, _: client.filters("tiny"), share=1),
    "search": Kind(_search),
    "catalogue": Kind(_asked),
    "load": Kind(lambda client, _: client.load()),
    "left early": Kind(_left),
    "short deadline": Kind(lambda client, _: client.synthesize(LEMON, steps=2000, variants=32, timeout=0.2), ("DEADLINE_EXCEEDED",)),
    "short wait": Kind(lambda client, _: client.synthesize(LEMON, steps=5, queue_timeout_s=0.001), ("OK", "DEADLINE_EXCEEDED"), 1),
    "unread": Kind(_unread, share=1),
    "unknown": Kind(lambda client, _: client.synthesize("tiny:fc8:nobody"), ("NOT_FOUND",), 1),
    "damaged picture": Kind(lambda client, _: client.activations(DAMAGED, "tiny:fc8"), ("INVALID_ARGUMENT",), 1),
    "picture of many scans": Kind(lambda client, _: client.synthesize(LEMON, start=MANY_SCANS), ("INVALID_ARGUMENT",), 1),
    "huge picture": Kind(lambda client, _: client.synthesize(LEMON, start=HUGE), ("INVALID_ARGUMENT",), 1),
    "slow picture": Kind(
        lambda client, _: client.synthesize_pixels(LEMON, start=SLOW, steps=1, timeout=0.3),
        ("OK", "DEADLINE_EXCEEDED", "INVALID_ARGUMENT"),
        1,
    ),
    "too much": Kind(lambda client, _: client.synthesize_pixels(LEMON, size=(16, 1_000_000)), ("INVALID_ARGUMENT",), 1),
}


def chosen(chance: random.Random) -> str:
    """One of the kinds."""
    return chance.choices(list(KINDS), [kind.share for kind in KINDS.values()])[0]


def outcome(call: Callable[[], Any]) -> str:
    """The status that a call ended with."""
    try:
        call()
    except DgnamError as error:
        return "UNAVAILABLE" if isinstance(error, UnavailableError) else error.code or type(error).__name__
    except Exception as error:  # a raw call's, or the client's own fault, which no status excuses
        code = getattr(error, "code", None)
        return code().name if callable(code) else repr(error)
    return "OK"
