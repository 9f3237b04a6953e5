"""Downloads of published networks from their publishers: only when asked for, limited in size, resumed, and the same file ever after.

A file's SHA-256 is recorded beside it the first time; whatever comes later under its address must have it. The publishers do not sign
their files, so this is the most that can be known.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from dgnam_models.card import CardError, sha256, whole
from dgnam_models.pack_writer import flush

if TYPE_CHECKING:
    from tqdm import tqdm

MEGABYTE = 1_000_000
_PIECE = 1 << 20
_TIMEOUT_S = 60.0


def cache() -> Path:
    """Where downloads are kept: DGNAM_CACHE, else the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dgnam"
    return Path(os.environ.get("DGNAM_CACHE") or default)


def fetch(url: str, folder: Path, most_mb: float, tell: Callable[[str], object] = lambda _: None) -> Path:
    """Return the file at `url`, downloaded into `folder` unless it is there.

    A stopped download goes on where it ended. The file appears whole or not at all; `NAME.sha256` beside it holds the digest.

    Args:
        most_mb: megabytes that it may have.
        tell: hears what is going on, a line at a time.

    Raises:
        CardError: it cannot be had, is larger than it may be, or is not what was recorded.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise CardError(f"{url} is not an http or https address")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(urlsplit(url).path).name
    record = path.with_name(f"{path.name}.sha256")
    if path.is_file() and record.is_file():
        _check(path, record, url)
        return path
    part = path.with_name(f".{path.name}.part")
    tell(f"fetching {url}")
    try:
        _download(url, part, int(most_mb * MEGABYTE))
    except (URLError, OSError, ValueError) as error:
        raise CardError(f"{url} cannot be fetched: {error}; what has come so far is kept, so try again") from error
    if record.is_file():
        try:
            _check(part, record, url)
        except CardError:
            part.unlink()
            raise
    else:
        with whole(record) as temporary:
            temporary.write_text(f"{sha256(part)}  {path.name}\n", encoding="ascii")
    flush(part)
    part.replace(path)
    flush(folder)
    tell(f"{path}: SHA-256 {record.read_text(encoding='ascii').split()[0]}")
    return path


def _download(url: str, part: Path, most: int) -> None:
    """Append to `part` what is missing, or begin anew where the server does not take up in the middle."""
    done = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        answer = urlopen(request, timeout=_TIMEOUT_S)
    except URLError as error:
        if getattr(error, "code", None) != 416:  # nothing lies beyond what is there: it is whole, or not what it was
            raise
        if _length(error.headers.get("Content-Range")) == done:  # type: ignore[attr-defined]
            return
        part.unlink()
        _download(url, part, most)
        return
    with answer:
        resumed = answer.status == 206
        done = done if resumed else 0
        expected = answer.headers.get("Content-Length")
        total = None if expected is None else done + int(expected)
        if total is not None and total > most:
            _too_large(part, total, most)
        with part.open("ab" if resumed else "wb") as stream, _bar(part, total, done) as bar:
            while piece := answer.read(_PIECE):
                done += len(piece)
                bar.update(len(piece))
                if done > most:
                    _too_large(part, done, most)
                stream.write(piece)
    if total is not None and done != total:
        raise OSError(f"it ended after {done} of {total} bytes")


def _bar(part: Path, total: int | None, done: int) -> "tqdm[NoReturn]":
    from tqdm import tqdm

    name = part.name.removeprefix(".").removesuffix(".part")
    return tqdm(desc=name, total=total, initial=done, unit="B", unit_scale=True, leave=False, disable=None)


def _too_large(part: Path, size: int, most: int) -> None:
    part.unlink(missing_ok=True)
    raise CardError(f"it has {size / MEGABYTE:.0f} MB or more; at most {most / MEGABYTE:.0f} MB are taken (--most-mb)")


def _length(content_range: str | None) -> int | None:
    """The whole file's length in a header such as `bytes */1234`."""
    last = (content_range or "").rpartition("/")[2]
    return int(last) if last.isdigit() else None


def _check(path: Path, record: Path, url: str) -> None:
    wanted, found = record.read_text(encoding="ascii").split()[0], sha256(path)
    if found != wanted:
        raise CardError(f"{url}: its SHA-256 is {found}; {record} says {wanted}. Delete that file only if you know why it changed")


def to_stderr(line: str) -> None:
    """Tell somebody who watches a terminal."""
    print(line, file=sys.stderr, flush=True)
