"""Picture files -> pixels; and the program that does it, in a process of its own: `python -m dgnam_server.rpc.decoding MIB SECONDS`.

The program reads orders from its standard input and writes replies to its standard output until the input ends. An order is ORDER (the
file's length, height and width wanted, the most pixels) and the file; a reply is REPLY (its length) and one byte, then the pixels, or
after BAD what is wrong with the file. A file that takes SECONDS of a processor ends it, by the signal SIGPROF. It imports no PyTorch, so
that it starts at once and can be ended at once.
"""

# ruff: noqa: E402 - as a program it lets others go first before it imports the rest

import os
import sys

_NICENESS = 10  # decoding lets drawing go first
if __name__ == "__main__" and sys.platform != "win32":
    os.nice(_NICENESS)  # importing takes longer than many a picture, and hostile pictures end their process again and again

import io
import signal
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from dgnam_models.rgb import fitted
from PIL import Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP")
LEAST_SIDE_PX = 16  # below it there is nothing to see, and scaling up a dot is more likely a mistake than a wish
ORDER = struct.Struct("<QIIQ")
REPLY = struct.Struct("<Q")
GOOD, BAD = b"\x00", b"\x01"


def decode(data: bytes, size: tuple[int, int], most_pixels: int) -> np.ndarray:
    """A picture file as `size` (height, width) pixels, scaled and cropped about the centre: (H, W, 3) uint8 RGB.

    See `fitted`.

    Raises:
        ValueError: not a PNG, JPEG or WebP file, damaged, cut short, more than `most_pixels`, or narrower than LEAST_SIDE_PX.
    """
    with _opened(data, most_pixels) as picture:
        return fitted(picture, size)


@contextmanager
def _opened(data: bytes, most_pixels: int) -> Iterator[Image.Image]:
    """The picture file, its header read and its size checked; a ValueError says what is wrong with it."""
    wrong = ""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size
            wrong = problem(width, height, most_pixels)
            if not wrong:
                yield picture
    except UnidentifiedImageError:
        raise ValueError("the file is not a PNG, JPEG or WebP file, or is damaged or cut short") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"its pixels are many more than {most_pixels}; scale the picture down") from None
    except Exception as error:  # Pillow's decoders raise whatever damage makes them stumble over: struct.error, TypeError, IndexError, ...
        raise ValueError(f"the file is damaged or cut short: {str(error) or type(error).__name__}") from None
    if wrong:
        raise ValueError(wrong)


def problem(width: int, height: int, most_pixels: int) -> str:
    """What is wrong with a picture's size; empty: nothing."""
    if width * height > most_pixels:
        return f"{width} x {height} pixels are more than {most_pixels}; scale the picture down"
    if min(width, height) < LEAST_SIDE_PX:
        return f"{width} x {height} pixels are too few; each side needs at least {LEAST_SIDE_PX}"
    return ""


def work(orders: BinaryIO, replies: BinaryIO, most_s: float) -> None:
    """Carry out orders until they end, or one of them takes `most_s` seconds of the processor."""
    while len(order := orders.read(ORDER.size)) == ORDER.size:
        length, height, width, most_pixels = ORDER.unpack(order)
        data = orders.read(length)
        signal.setitimer(signal.ITIMER_PROF, most_s)
        try:
            reply = GOOD + decode(data, (height, width), most_pixels).tobytes()
        except ValueError as error:
            reply = BAD + str(error).encode(errors="replace")[:1000]
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(REPLY.pack(len(reply)) + reply)
        replies.flush()


def _confine(memory_mib: int) -> None:
    """Bound what this process may take: a hostile picture then fails here, and only here."""
    warnings.simplefilter("ignore")  # of damaged EXIF data; whoever sent it cannot read them
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":  # elsewhere it is not kept
            resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))


if __name__ == "__main__":
    _confine(int(sys.argv[1]))
    work(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[2]))
