"""Picture files in requests. They come from strangers: what their first bytes tell is checked with the other fields, and they are decoded
last, elsewhere (see `decoder`)."""

import io
from collections.abc import Awaitable, Callable, Sequence

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


def check_several(reader: Reader, files: Sequence[bytes]) -> None:
    """Say what is wrong with the picture files of a field `of` and their number."""
    most = reader.limits.max_variants
    if not 1 <= len(files) <= most:
        reader.at("of").invalid(f"{len(files)} pictures are not between 1 and {most}")
    for index, data in enumerate(files[:most]):
        check(reader.at("of", index), data)


def check_all(reader: Reader, images: Sequence[bytes]) -> Sequence[bytes]:
    """Say what is wrong with a request's `images` and their number, and return as many of them as may be looked at."""
    most = reader.limits.max_variants
    if not 1 <= len(images) <= most:
        reader.at("images").invalid(f"{len(images)} are not between 1 and {most}")
    for index, data in enumerate(images[:most]):
        check(reader.at("images", index), data)
    return images[:most]


async def read_all(reader: Reader, decode: Decode, images: Sequence[bytes], size: tuple[int, int]) -> list[np.ndarray]:
    """A request's `images` as `decode` gives them.

    Raises:
        InvalidRequest: some cannot be decoded.
        FailedPrecondition: something else was found wrong before.
    """
    decoded = [await read(reader.at("images", index), decode, data, size) for index, data in enumerate(images)]
    reader.raise_any()
    return [picture for picture in decoded if picture is not None]


def own_size(data: bytes, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in pixels of the part of a checked picture file that is brought to `size`; either side may be up."""
    header = picture_header.read(data)
    sides = (header.height, header.width), (header.width, header.height)
    scale = max(min(height / size[0], width / size[1]) for height, width in sides)
    return round(size[0] * scale), round(size[1] * scale)


def encode_png(image: np.ndarray) -> bytes:
    """(H, W, 3) float RGB or (H, W) grey, nominally in [0, 1] -> a PNG file; values beyond are clipped, the rest rounded."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG")
    return stream.getvalue()
