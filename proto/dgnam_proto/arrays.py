"""numpy array <-> Array message: float32, little-endian, C order."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dgnam_proto.v1 import target_pb2

# Fixed on the wire, whatever the byte order of the machines at its ends.
WIRE_DTYPE = np.dtype("<f4")


def to_message(array: ArrayLike) -> target_pb2.Array:
    """Pack an array for the wire.

    Args:
        array: Any shape; numbers of other types are converted to float32. Complex numbers are refused.

    Raises:
        ValueError: The array does not hold real numbers.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"an array of {array.dtype} cannot be sent: only real numbers can")
    return target_pb2.Array(shape=array.shape, data=array.astype(WIRE_DTYPE, copy=False).tobytes(order="C"))


def from_message(message: target_pb2.Array) -> NDArray[np.float32]:
    """Unpack an array.

    Returns:
        A writable float32 copy in the machine's byte order; it does not keep the message alive.

    Raises:
        ValueError: The bytes do not fill the shape exactly.
    """
    shape = tuple(message.shape)
    data = message.data
    expected = math.prod(shape) * WIRE_DTYPE.itemsize
    if len(data) != expected:
        raise ValueError(f"an array of shape {shape} takes {expected} bytes, but the message holds {len(data)}")
    return np.frombuffer(data, dtype=WIRE_DTYPE).reshape(shape).astype(np.float32)
