"""What a hostile client does: once, or again and again until its process is ended.

`python attacks.py NAME ADDRESS UNIT [once]` says that it is ready, and begins when it is sent a line.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from picture_files import of_many_scans, saved
from PIL import Image

TOKEN = "the-attackers"
_LARGE_MIB = 60
SERVICE = "/dgnam.v1.SynthesisService"
UNREAD = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536), ("grpc.max_receive_message_length", -1)]


@dataclass(frozen=True)
class Attack:
    """Calls that are made at once.

    Attributes:
        callers: how many at once.
        call: the RPC.
        request: the n-th request, of a unit.
        deadline_s: when a caller gives up.
        read: whether results are taken.
        stranger: who has no token.
        copied_mib: memory that gRPC copies on the attacker's side for each call, where that is what the call costs.
    """

    callers: int
    call: str
    request: Callable[[Unit, int], bytes]
    deadline_s: float = 60.0
    read: bool = True
    stranger: bool = False
    copied_mib: int = 0


def _pixels(unit: Unit, **fields: Any) -> SynthesizePixelsRequest:
    return SynthesizePixelsRequest(target=Target(terms=[Term(unit=unit)]), **fields)


def _scans(unit: Unit, number: int) -> bytes:
    return _pixels(unit, start_image=many_scans(), options={"steps": 2}).SerializeToString()


def _features(unit: Unit, number: int) -> bytes:
    term = Term(unit=Unit(model=unit.model, tap=unit.tap, features_of=large()))
    return SynthesizePixelsRequest(target=Target(terms=[term] * 4), options={"steps": 2}).SerializeToString()


def _names(unit: Unit, number: int) -> bytes:
    return SynthesizeRequest(target=Target(terms=[Term(unit=unit)]), options={f"nothing{i}": 1.0 for i in range(4000)}).SerializeToString()


def _sizes(unit: Unit, number: int) -> bytes:
    return _pixels(unit, height=64 + 4 * number, width=300, seed=number, options={"steps": 100}).SerializeToString()


def _unread(unit: Unit, number: int) -> bytes:
    return _pixels(unit, height=512, width=512, variants=16, seed=number, options={"steps": 1}).SerializeToString()


def _long(unit: Unit, number: int) -> bytes:
    asked = SynthesizeRequest(target=Target(terms=[Term(unit=unit)]), options={"steps": 2000})
    asked.seed = number
    return asked.SerializeToString()


def _large(unit: Unit, number: int) -> bytes:
    return bytes(_LARGE_MIB * 2**20)


@cache
def many_scans() -> bytes:
    """A picture file that takes seconds to decode."""
    return of_many_scans(2000, 2000, 50)


@cache
def large() -> bytes:
    """One of few bytes; four of these have as many pixels as a request may have."""
    return saved(Image.new("RGB", (4000, 4000), "orange"))


ATTACKS: Mapping[str, Attack] = {
    "slow_pictures": Attack(6, "SynthesizePixels", _scans, deadline_s=2.0),
    "large_pictures": Attack(4, "SynthesizePixels", _features),
    "unknown_names": Attack(6, "Synthesize", _names),
    "many_sizes": Attack(36, "SynthesizePixels", _sizes),
    "unread_results": Attack(4, "SynthesizePixels", _unread, read=False),
    "long_jobs": Attack(330, "Synthesize", _long, deadline_s=600.0),
    "large_messages": Attack(8, "Synthesize", _large, stranger=True, copied_mib=_LARGE_MIB),
}


def attack(name: str, address: str, unit: str, once: bool) -> None:
    """Attack the server at `address`, each caller once or all for ever, when the program is sent a line."""
    made = ATTACKS[name]
    model, tap, index = unit.split(":")
    bodies = [made.request(Unit(model=model, tap=tap, index=int(index)), number) for number in range(made.callers)]
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(made.callers) as pool:
        for caller in [pool.submit(_caller, made, address, body, once) for body in bodies]:
            caller.result()


def _caller(made: Attack, address: str, body: bytes, once: bool) -> None:
    """Call and take the answer whatever it is; then call again, unless once is all."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1), *(() if made.read else UNREAD)]
    with grpc.insecure_channel(address.removeprefix("grpc://"), options) as channel:
        method = channel.unary_stream(f"{SERVICE}/{made.call}")
        metadata = () if made.stranger else (("authorization", f"Bearer {TOKEN}"),)
        while True:
            _answer(method(body, timeout=made.deadline_s, metadata=metadata), made.read)
            if once:
                return


def _answer(call: Iterator[bytes], read: bool) -> Sequence[object]:
    try:
        if read:
            return list(call)
        next(call)
        time.sleep(120)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:  # type: ignore[attr-defined]
            time.sleep(0.1)
    return ()


if __name__ == "__main__":
    attack(*sys.argv[1:4], once=sys.argv[4:] == ["once"])
