"""What a request wants to have sent, and how large that is."""

import math
from typing import TYPE_CHECKING

from dgnam_proto.v1.synthesis_pb2 import Include

if TYPE_CHECKING:
    from dgnam_server.rpc.fields import Reader  # needs PyTorch, without which the port is opened

MAX_MESSAGE_BYTES = 64 * 2**20
_FLOAT_BYTES = 4


def wanted(include: Include, part: str) -> bool:
    """Whether the request wants this part: it does unless it says no."""
    return not include.HasField(part) or bool(getattr(include, part))


def picture_bytes(include: Include, size: tuple[int, int]) -> int:
    """Bytes that the wanted parts of a picture of `size` (height, width) take at most."""
    values = 3 * math.prod(size)
    return wanted(include, "png") * values + wanted(include, "image") * array_bytes(values)  # no PNG is longer than its pixels, about


def array_bytes(*shape: int) -> int:
    """Bytes of an array."""
    return _FLOAT_BYTES * math.prod(shape)


def check(reader: "Reader", needed: int, advice: str) -> None:
    """Refuse what would not fit into a message, before any work is done for it."""
    if needed > MAX_MESSAGE_BYTES:
        reader.invalid(
            f"the response would take {needed / 2**20:.0f} MiB, more than the {MAX_MESSAGE_BYTES >> 20} MiB of a message: {advice}"
        )
