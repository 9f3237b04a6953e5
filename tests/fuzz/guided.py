"""Fuzzing that follows the code's branches, with atheris: `guided.py pictures|caffe|messages SECONDS`. `make fuzz` runs all three.

A crash is written to the working folder, and the exit status is not 0.
"""

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dgnam_server.rpc", "dgnam_models.importers._blobs", "PIL"]):
    from dgnam_models.card import CardError
    from dgnam_models.importers import _blobs
    from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest
    from dgnam_server.rpc import decoding, parsing, picture_header


def pictures(data: bytes) -> None:
    """Only a ValueError may come of a picture file, and its pixels must be known from its header."""
    try:
        header = picture_header.read(data)
    except ValueError:
        header = None
    try:
        decoding.decode(data, (16, 16), 100_000)
    except ValueError:
        return
    assert header is not None and header.width * header.height <= 100_000


def caffe(data: bytes) -> None:
    """Only a CardError may come of a .caffemodel."""
    with suppress(CardError):
        _blobs.read(io.BytesIO(data), Path("hostile.caffemodel"))


def messages(data: bytes) -> None:
    """Only a ValueError may come of a request's bytes."""
    with suppress(ValueError):
        parsing.parse(SynthesizePixelsRequest.DESCRIPTOR, SynthesizePixelsRequest.FromString, data)


TARGETS: dict[str, Callable[[bytes], None]] = {"pictures": pictures, "caffe": caffe, "messages": messages}

if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")  # Pillow's, of damaged EXIF data
    target, seconds = sys.argv[1:]
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096"], TARGETS[target])
    atheris.Fuzz()
