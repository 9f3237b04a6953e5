"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path


def write_file(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all: beside its place first, then moved there."""
    write_files({path: content})
    return path


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all beside their places first, and only when that went well moved there, in order.

    So the last file is there only where the others are.
    """
    import secrets  # it brings OpenSSL, and most programs write nothing

    for path in contents:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    drafts = {path.with_name(f".{path.name}.{secrets.token_hex(4)}"): path for path in contents}
    try:
        for draft, path in drafts.items():
            draft.write_bytes(contents[path])
        for draft, path in drafts.items():
            draft.replace(path)
    except BaseException:
        for draft in drafts:
            draft.unlink(missing_ok=True)
        raise
