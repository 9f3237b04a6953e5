"""An atlas on disk: pictures with recipes, a table, and a page that shows them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from .._file import write_file
from .._job import Job
from .._job_state import JobPicture
from . import atlas_page
from .atlas_page import Shown
from .printing import complain
from .results_table import content

_ID_DIGITS = 8  # of a picture's id in its file's name: what has the same name is the same picture
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


class AtlasFolder:
    """A folder that is filled as a job's pictures come.

    Attributes:
        errors: How many pictures failed, by why; known once it is finished.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: Counter[str] = Counter()

    def take(self, job: Job, picture: JobPicture) -> None:
        """Fetch a picture that is drawn, unless it is there already."""
        path = self.path / file_of(picture)
        if picture.phase != "done" or path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if picture.kind == "synthesis":
            job.picture(picture).save(path, recipe=True)
            return
        found = job.analysis(picture)
        write_file(path.with_suffix(".json"), (json.dumps(found.facts(), indent=2) + "\n").encode())
        # Of a map every place of the square counts; of the others what the unit sees.
        write_file(path, found.png if picture.kind == "occlusion" else found.patch_png())

    def finish(self, job: Job) -> None:
        """Fetch what was drawn while nobody watched, and write the table and the page of all that is drawn by now."""
        self.path.mkdir(parents=True, exist_ok=True)
        pictures = list(job.pictures())
        for picture in pictures:
            self.take(job, picture)
        self.errors = Counter(picture.error for picture in pictures if picture.phase == "failed")
        table = self.path / ("pictures.parquet" if _has_parquet() else "pictures.csv")
        if table.suffix == ".csv":
            complain("the table is CSV; for Parquet: pip install 'dgnam-client[parquet]'")
        photographs = {one.id: self._photograph(one) for one in pictures}
        write_file(table, content(table, [{**_row(one), **photographs[one.id]} for one in pictures]))
        drawn = [Shown(one, file_of(one), photographs[one.id]["folder"] or "") for one in pictures if one.phase == "done"]
        write_file(self.path / "index.html", atlas_page.page(job.state, drawn, table.name).encode())

    def _photograph(self, picture: JobPicture) -> dict[str, str | None]:
        """Of which photograph a picture shows something, and the folder that it lies in; None of a synthesis."""
        names = ("photograph", "folder")
        if picture.kind == "synthesis" or picture.phase != "done":
            return dict.fromkeys(names)
        facts = json.loads((self.path / file_of(picture)).with_suffix(".json").read_text(encoding="utf-8"))
        return {name: str(facts[name]) for name in names}


def file_of(picture: JobPicture) -> str:
    """A picture's path in the folder, with slashes."""
    label = f"-{_plain(picture.label)}" if picture.label else ""
    what = f"{_plain(picture.method)}-{picture.seed}"
    if picture.kind != "synthesis":
        method = f"-{_plain(picture.method)}" if picture.kind == "projection" else ""
        what = f"{_plain(picture.kind)}{method}-{picture.rank}"
    name = f"{picture.unit:04}{label}-{what}-{picture.id[:_ID_DIGITS]}.png"
    return f"{_plain(picture.model)}/{_plain(picture.tap)}/{name}"


def _plain(text: str) -> str:
    return _PLAIN.sub("-", text).strip(".-")[:60] or "-"


def _row(picture: JobPicture) -> dict[str, Any]:
    return {**dataclasses.asdict(picture), "file": file_of(picture) if picture.phase == "done" else None}


def _has_parquet() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True
