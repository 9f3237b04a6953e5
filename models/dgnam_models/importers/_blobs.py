"""The numbers in a .caffemodel, by layer.

Protobuf would hold the whole file and then its own copy of every number. A .caffemodel is little but numbers, so its wire format is walked
here in one pass: names are read, numbers go straight into the arrays that are kept, everything else is stepped over. The pass needs no
jumps back, so a compressed member of a zip is read like a file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from dgnam_models.card import CardError
from dgnam_models.importers import caffe_pb2

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_LAYER = {  # field of NetParameter -> (name, blobs): fields of its layers
    caffe_pb2.NetParameter.LAYER_FIELD_NUMBER: (caffe_pb2.LayerParameter.NAME_FIELD_NUMBER, caffe_pb2.LayerParameter.BLOBS_FIELD_NUMBER),
    caffe_pb2.NetParameter.LAYERS_FIELD_NUMBER: (
        caffe_pb2.V1LayerParameter.NAME_FIELD_NUMBER,
        caffe_pb2.V1LayerParameter.BLOBS_FIELD_NUMBER,
    ),
}
_DATA: dict[int, np.dtype[Any]] = {
    caffe_pb2.BlobProto.DATA_FIELD_NUMBER: np.dtype("<f4"),
    caffe_pb2.BlobProto.DOUBLE_DATA_FIELD_NUMBER: np.dtype("<f8"),
}


def read(stream: IO[bytes], path: Path) -> dict[str, list[np.ndarray]]:
    """Each layer's blobs, float32 and flat, by the layer's name; only layers that have some.

    Raises:
        CardError: the file is not one, or is cut off.
    """
    found: dict[str, list[np.ndarray]] = {}
    try:
        for number, _, length in _fields(stream, None):
            if number in _LAYER:
                name, blobs = _layer(stream, length, *_LAYER[number])
                if blobs:
                    found[name] = blobs
            else:
                _skip(stream, length)
    except (ValueError, EOFError, MemoryError, OverflowError) as error:
        raise CardError(f"{path} is no .caffemodel, or not all of one: {error}") from error
    return found


def _layer(stream: IO[bytes], length: int, name_field: int, blobs_field: int) -> tuple[str, list[np.ndarray]]:
    name, blobs = "", []
    for number, kind, size in _fields(stream, length):
        if number == name_field and kind == _BYTES:
            name = _exactly(stream, size).decode()
        elif number == blobs_field and kind == _BYTES:
            blobs.append(_blob(stream, size))
        else:
            _skip(stream, size)
    return name, blobs


def _blob(stream: IO[bytes], length: int) -> np.ndarray:
    parts = []
    for number, kind, size in _fields(stream, length):
        if number in _DATA and kind in (_BYTES, _FIXED32, _FIXED64):  # packed, or one number at a time
            parts.append(_numbers(stream, size, _DATA[number]))
        else:
            _skip(stream, size)
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])


def _numbers(stream: IO[bytes], size: int, dtype: np.dtype[Any]) -> np.ndarray:
    if size % dtype.itemsize:
        raise ValueError(f"{size} bytes are no whole number of values")
    values = np.empty(size // dtype.itemsize, dtype)
    view, done = values.view(np.uint8), 0
    while done < size:  # a zip's member comes in pieces
        got = stream.readinto(view[done : done + (1 << 20)])  # type: ignore[attr-defined]
        if not got:
            raise EOFError("it ends within a blob")
        done += got
    return values.astype(np.float32, copy=False)


def _fields(stream: IO[bytes], length: int | None) -> Iterator[tuple[int, int, int]]:
    """Number, wire type and size in bytes of the fields in the next `length` bytes (None: to the end of the file).

    The caller takes exactly that many bytes before it asks for the next field.
    """
    done = 0
    while length is None or done < length:
        tag, read = _varint(stream, may_end=length is None)
        if not read:
            return
        number, kind = tag >> 3, tag & 7
        done += read
        if kind == _BYTES:
            size, read = _varint(stream)
            done += read
        elif kind == _VARINT:
            _, read = _varint(stream)
            size, done = 0, done + read
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"field {number} has the wire type {kind}")
        if length is not None and done + size > length:
            raise ValueError(f"field {number} is larger than what holds it")
        yield number, kind, size
        done += size


def _varint(stream: IO[bytes], may_end: bool = False) -> tuple[int, int]:
    """A number and how many bytes it took."""
    value = 0
    for index in range(10):
        byte = stream.read(1)
        if not byte:
            if may_end and not index:
                return 0, 0
            raise EOFError("it ends within a number")
        value |= (byte[0] & 0x7F) << 7 * index
        if byte[0] < 0x80:
            return value, index + 1
    raise ValueError("a number has more than ten bytes")


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("it ends within a text")
    return data


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0:
        step = len(stream.read(min(size, 1 << 20)))
        if not step:
            raise EOFError("it ends within a field")
        size -= step
