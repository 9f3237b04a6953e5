"""The pictures' files, each under the SHA-256 of its content: a folder, or what fsspec reaches by a URL, such as s3://bucket/folder."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]

from dgnam_server.jobs.database import NotHere, StoreError


class Pictures:
    """A store of files that never change. Any thread may call it. It is opened with the first use."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._opened: tuple[Any, str] | None = None

    def put(self, content: bytes) -> str:
        """Keep a file; returns its name. It is there whole, or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        name = hashlib.sha256(content).hexdigest()
        files, path = self._file(name)
        try:
            if files.exists(path):
                return name
            if _is_local(files):
                _write(Path(path), content)
            else:
                files.pipe_file(path, content)  # an object is there once it was sent whole
        except Exception as error:  # of whichever library speaks to the storage
            raise StoreError(f"the picture {path} cannot be written: {error}") from error
        return name

    def get(self, name: str) -> bytes:
        """A file's content.

        Raises:
            StoreError: it cannot be read, or is not what was written.
        """
        files, path = self._file(name)
        try:
            content = bytes(files.cat_file(path))
        except Exception as error:
            raise StoreError(f"the picture {path} cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != name:
            raise StoreError(f"the picture {path} is damaged: delete it, and its job, and submit that anew")
        return content

    def delete(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StoreError: it cannot be removed.
        """
        files, path = self._file(name)
        try:
            if files.exists(path):
                files.rm_file(path)
        except Exception as error:
            raise StoreError(f"the picture {path} cannot be removed: {error}") from error

    def _file(self, name: str) -> tuple[Any, str]:
        if self._opened is None:
            try:
                files, root = fsspec.core.url_to_fs(self._where, use_listings_cache=False)
            except ImportError as error:
                scheme = self._where.partition("://")[0]
                raise NotHere(f'pictures in {scheme}:// need its driver: pip install "dgnam-server[s3]" for S3 ({error})') from error
            except Exception as error:
                raise StoreError(f"{self._where} cannot be used for pictures: {error}") from error
            self._opened = files, root.rstrip("/")
        files, root = self._opened
        return files, f"{root}/{name[:2]}/{name}.png"


def _is_local(files: Any) -> bool:
    return "file" in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,))


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, so that it survives the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
