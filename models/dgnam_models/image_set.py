"""ImageSet: photographs in folders, zips and lists of paths. It knows where each one is, and holds none of them."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from dgnam_models.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LISTS = (".txt", ".lst", ".list")
Read = Callable[[int], bytes]


@dataclass(frozen=True)
class ImageSet:
    """Photographs by number: each has a name, a path, in one of the `sources`, which are folders and zips."""

    sources: tuple[Path, ...]
    names: tuple[tuple[int, str], ...]  # the source's number, and the path in it with / between its parts

    def __len__(self) -> int:
        return len(self.names)

    def place(self, number: int) -> str:
        """Where a photograph is, for people."""
        source, name = self.names[number]
        return str(self.sources[source] / name)

    def folder(self, number: int) -> str:
        """The name of the folder that a photograph lies in, which is often its class; empty: in none below the source."""
        return PurePosixPath(self.names[number][1]).parent.name

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """While it lasts, any thread may read photographs, which raises OSError, or KeyError for what a zip no longer has."""
        with ExitStack() as stack:
            archive = cache(lambda source: stack.enter_context(zipfile.ZipFile(self.sources[source])))
            zipped = [zipfile.is_zipfile(source) for source in self.sources]
            for number, one in enumerate(zipped):
                if one:  # here, since two threads could open it twice
                    archive(number)

            def read(number: int) -> bytes:
                source, name = self.names[number]
                return archive(source).read(name) if zipped[source] else (self.sources[source] / name).read_bytes()

            yield read


def find(paths: Sequence[Path], limit: int | None = None) -> ImageSet:
    """The photographs in folders, at any depth; in zips; and in lists, text files with a path in each line, seen from the list's folder.

    Args:
        limit: take about so many, evenly spread.

    Raises:
        DataError: a source is missing or of another kind, a listed photograph is not there, or there are no photographs.
    """
    sources: list[Path] = []
    names: list[tuple[int, str]] = []
    problems: list[str] = []
    for path in paths:
        try:
            found = _names(path)
        except (DataError, OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
            problems.append(str(error) if isinstance(error, DataError) else f"{path} cannot be read: {error}")
            continue
        names += [(len(sources), name) for name in found]
        sources.append((path.parent if path.suffix.lower() in LISTS and not path.is_dir() else path).absolute())
    if problems:
        raise DataError("\n".join(problems))
    if limit is not None:
        names = names[:: max(1, len(names) // limit)]
    if not names:
        raise DataError(f"no {', '.join(SUFFIXES)} files in {', '.join(map(str, paths))}")
    return ImageSet(tuple(sources), tuple(names))


def _names(path: Path) -> list[str]:
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        return sorted(file.relative_to(path).as_posix() for file in files)
    if path.suffix.lower() in LISTS:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        names = [line for line in lines if line and not line.startswith("#")]
        if missing := [name for name in names if not (path.parent / name).is_file()]:
            raise DataError(f"{path}: {len(missing)} of {len(names)} photographs are not there, such as {missing[0]}")
        return names
    if path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return sorted(name for name in archive.namelist() if name.lower().endswith(SUFFIXES))
    kind = "is none of these" if path.exists() else "does not exist"
    raise DataError(f"{path} {kind}: give a folder, a zip, or a list of paths ({', '.join(LISTS)})")
