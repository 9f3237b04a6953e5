"""`dgnam draw`."""

from __future__ import annotations

from pathlib import Path

from .._client import Client
from .._picture import Picture
from . import files, waiting
from .parser import Arguments
from .printing import DONE


def run(client: Client, arguments: Arguments) -> int:
    """Draw the pictures of a code file, and write them."""
    codes = files.read_array(arguments.codes)
    stem = Path(arguments.codes).name.removesuffix(".npy").removesuffix(".code")
    if arguments.output is not None:
        files.check_folder(arguments.output)
    if codes.ndim > 1:
        files.check_several(arguments.output)
    drawn = client.draw(codes, prior=arguments.prior, timeout=arguments.timeout, **waiting.said(arguments))
    pictures, names = ([drawn], [stem]) if isinstance(drawn, Picture) else (drawn, [f"{stem}-{index}" for index in range(len(drawn))])
    for path, picture in zip(files.places(arguments.output, names), pictures, strict=True):
        picture.save(path)
        print(path)
    return DONE
