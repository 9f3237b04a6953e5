"""Files that appear whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_file(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all: beside its place first, then moved there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return path
