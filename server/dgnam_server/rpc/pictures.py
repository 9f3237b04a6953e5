"""Picture files in requests. They come from strangers: what their first bytes tell is checked with the other fields, and they are decoded
last, elsewhere (see `decoder`)."""

import io
from collections.abc import Awaitable, Callable

import numpy as np
from PIL import Image

from dgnam_server.rpc import decoding, picture_header
from dgnam_server.rpc.fields import Reader

MOST_SCANS = 64  # of a progressive JPEG file; cameras and programs write about ten
MOST_FRAMES = 1000  # of an animation
Decode = Callable[[bytes, tuple[int, int]], Awaitable[np.ndarray]]  # Decoder.decode


def check(reader: Reader, data: bytes) -> None:
    """Say what is wrong with a picture file, as far as its first bytes tell; `read` finds the rest."""
    most, together = reader.limits.max_start_image_pixels, reader.limits.max_request_pixels
    try:
        header = picture_header.read(data)
    except ValueError as error:
        reader.invalid(str(error))
        return
    if wrong := decoding.problem(header.width, header.height, most):
        reader.invalid(wrong)
    elif header.scans > MOST_SCANS:
        reader.invalid(f"{header.scans} scans are more than {MOST_SCANS}; save the picture anew")
    elif header.frames > MOST_FRAMES:
        reader.invalid(f"{header.frames} pictures in one file are more than {MOST_FRAMES}; send the first alone")
    elif reader.count_pixels(header.width * header.height) > together:
        reader.invalid(f"with this picture the request has more than {together} pixels; scale its pictures down, or send fewer")


async def read(reader: Reader, decode: Decode, data: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """The field's picture file as `decode` gives it; None: it cannot be decoded."""
    try:
        return await decode(data, size)
    except ValueError as error:
        reader.invalid(str(error))
        return None


def encode_png(image: np.ndarray) -> bytes:
    """(H, W, 3) float RGB, nominally in [0, 1] -> a PNG file; values beyond are clipped, the rest rounded."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG")
    return stream.getvalue()
