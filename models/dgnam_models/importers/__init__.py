"""Importers, one per source of networks: what somebody has becomes a card and weights that `pack.write` puts into a pack."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, is_zipfile

from dgnam_models.card import CardError
from dgnam_models.importers._text import decoded

LICENCE = "not stated here: whoever published the weights says what they may be used for"


def read_labels(path: Path) -> tuple[str, ...]:
    """One label per line; a WordNet number in front, as in the lists of ImageNet's synsets, is left out. See `_text` for encodings."""
    lines = decoded(path.read_bytes()).splitlines()
    return tuple(re.sub(r"^n\d{8}\s+", "", line.strip()) for line in lines if line.strip())


@contextmanager
def open_source(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read, or a zip's member: `release.zip/fc6/generator.caffemodel`.

    Raises:
        CardError: there is no such file or member; a zip's members are listed.
    """
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None or path.is_file():
        try:
            stream: IO[bytes] = path.open("rb")
        except OSError as error:
            raise CardError(f"{path} cannot be read: {error.strerror}") from error
        with stream:
            yield stream
        return
    member = path.relative_to(archive).as_posix()
    if not is_zipfile(archive):
        raise CardError(f"{archive} is no folder and no zip")
    with ZipFile(archive) as opened:
        if member not in opened.namelist():
            raise CardError(f"{archive} has no {member}; it has {', '.join(opened.namelist()[:20])}")
        try:
            with opened.open(member) as stream:
                yield stream
        except BadZipFile as error:
            raise CardError(f"{path} is damaged: {error}") from error
