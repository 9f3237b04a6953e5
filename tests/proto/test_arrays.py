from __future__ import annotations

import struct

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import target_pb2


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (2, 3), (4, 5, 3), (0, 3)])
def test_round_trip_keeps_shape_and_bits(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    back = arrays.from_message(arrays.to_message(array))
    assert back.shape == shape and back.dtype == np.float32
    assert back.tobytes() == array.tobytes()


def test_special_values_survive() -> None:
    array = np.array([np.nan, np.inf, -np.inf, -0.0, np.finfo(np.float32).tiny], dtype=np.float32)
    assert arrays.from_message(arrays.to_message(array)).tobytes() == array.tobytes()


def test_the_wire_is_little_endian_in_c_order() -> None:
    message = arrays.to_message(np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32).T)
    assert list(message.shape) == [2, 2]
    assert message.data == struct.pack("<4f", 1, 3, 2, 4)


@pytest.mark.parametrize("dtype", [">f4", "<f4", "f8", "f2", "i8", "u1", "?"])
def test_other_number_types_are_converted(dtype: str) -> None:
    message = arrays.to_message(np.array([1, 0, 1], dtype=dtype))
    assert message.data == struct.pack("<3f", 1, 0, 1)


def test_lists_are_taken() -> None:
    assert arrays.to_message([[1, 2, 3]]).data == struct.pack("<3f", 1, 2, 3)


@pytest.mark.parametrize("array", [np.array([1j]), np.array(["a"]), np.array([None])])
def test_what_is_no_real_number_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="only real numbers"):
        arrays.to_message(array)


def test_the_result_is_a_writable_copy() -> None:
    message = arrays.to_message(np.zeros(3))
    array = arrays.from_message(message)
    array[0] = 5
    assert message.data == bytes(12)
    assert array.flags.owndata and array.dtype.isnative


@pytest.mark.parametrize(("shape", "size"), [((2, 3), 23), ((2, 3), 25), ((), 0), ((0,), 4), ((3,), 0), ((2**31, 2**31), 8)])
def test_a_wrong_length_names_both_numbers(shape: tuple[int, ...], size: int) -> None:
    message = target_pb2.Array(shape=shape, data=bytes(size))
    expected = 4
    for length in shape:
        expected *= length
    with pytest.raises(ValueError, match=rf"takes {expected} bytes.*holds {size}$"):
        arrays.from_message(message)
