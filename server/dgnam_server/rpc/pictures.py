"""Picture files <-> arrays. Files come from strangers, so the size is checked before anything is decoded."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dgnam_server.rpc.fields import Reader

FORMATS = ("PNG", "JPEG", "WEBP")
LEAST_SIDE_PX = 16  # below it there is nothing to see, and scaling up a dot is more likely a mistake than a wish


def check(reader: Reader, data: bytes) -> None:
    """Say what is wrong with a picture file, as far as its first bytes tell; `read` finds the rest."""
    try:
        with _opened(data, reader.limits.max_start_image_pixels):
            pass
    except ValueError as error:
        reader.invalid(str(error))


def read(reader: Reader, data: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """The field's picture file as `decode` gives it; None: it cannot be decoded."""
    try:
        return decode(data, size, reader.limits.max_start_image_pixels)
    except ValueError as error:
        reader.invalid(str(error))
        return None


def decode(data: bytes, size: tuple[int, int], most_pixels: int) -> np.ndarray:
    """A picture file as `size` (height, width) pixels, scaled and cropped about the centre: (H, W, 3) float32 RGB in [0, 1].

    The EXIF orientation is applied, transparent parts become white, of an animation the first picture is taken.

    Raises:
        ValueError: not a PNG, JPEG or WebP file, damaged, cut short, more than `most_pixels`, or narrower than LEAST_SIDE_PX.
    """
    with _opened(data, most_pixels) as picture:
        upright = ImageOps.exif_transpose(picture)
        fitted = ImageOps.fit(_rgb(upright), (size[1], size[0]), Image.Resampling.LANCZOS)
        return np.asarray(fitted, dtype=np.float32) / 255


@contextmanager
def _opened(data: bytes, most_pixels: int) -> Iterator[Image.Image]:
    """The picture file, its header read and its size checked; a ValueError says what is wrong with it."""
    if not data:
        raise ValueError("the file is empty; send a PNG, JPEG or WebP file")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > most_pixels:
                raise ValueError(f"{width} x {height} pixels are more than {most_pixels}; scale the picture down")
            if min(width, height) < LEAST_SIDE_PX:
                raise ValueError(f"{width} x {height} pixels are too few; each side needs at least {LEAST_SIDE_PX}")
            yield picture
    except UnidentifiedImageError:
        raise ValueError("the file is not a PNG, JPEG or WebP file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"its pixels are many more than {most_pixels}; scale the picture down") from None
    except (OSError, SyntaxError, EOFError) as error:  # what Pillow's decoders raise for damaged files
        raise ValueError(f"the file is damaged or cut short: {error}") from None


def encode_png(image: np.ndarray) -> bytes:
    """(H, W, 3) float RGB, nominally in [0, 1] -> a PNG file; values beyond are clipped, the rest rounded."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG")
    return stream.getvalue()


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits: Pillow's own conversion would clip instead of scaling
        return Image.fromarray((np.asarray(picture, dtype=np.float32) / 257).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), colours).convert("RGB")
    return picture.convert("RGB")
