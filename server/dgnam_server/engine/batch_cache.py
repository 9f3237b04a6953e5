"""The batch sizes that were measured on this machine, in a file, so that every start has the same one.

Rules: an entry is named by all that the size depends on; the latest MOST of them are kept. A file that cannot be read or written is as good
as none: it is measured anew. Two servers that start together may both measure; the file is replaced as a whole, and the last one counts.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOST = 256  # entries
log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where programs of this user keep what they can do without: $XDG_CACHE_HOME/dgnam, or ~/.cache/dgnam."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()) / "dgnam"


@dataclass(frozen=True)
class BatchCache:
    """The file `batch-sizes.json` in `folder`; `facts` name this machine, the libraries and how they compute."""

    folder: Path
    facts: Mapping[str, str | int]

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.folder / "batch-sizes.json"

    def key(self, work: str) -> str:
        """The entry's name; `work`: the kind of work."""
        return json.dumps(dict(sorted({**self.facts, "work": work}.items())))

    def read(self, work: str) -> int | None:
        """The size that was measured before, where there is one."""
        rows = self._entries().get(self.key(work))
        return rows if isinstance(rows, int) and not isinstance(rows, bool) and rows > 0 else None

    def write(self, work: str, rows: int) -> None:
        """Keep a size."""
        draft = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = [entry for entry in self._entries().items() if entry[0] != self.key(work)][1 - MOST :]
            draft.write_text(json.dumps({**dict(kept), self.key(work): rows}, indent=1) + "\n", encoding="utf-8")
            draft.replace(self.file)
        except OSError as error:
            log.info("the batch size is not kept for the next start: %s", error)

    def _entries(self) -> dict[str, object]:
        try:
            entries = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}
