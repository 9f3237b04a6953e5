"""The table of results: a row for each picture, as CSV or Parquet, written anew with each picture so that nothing is lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._errors import InvalidRequestError
from .._file import write_file

SUFFIXES = (".csv", ".parquet")
Row = dict[str, Any]


class ResultsTable:
    """The rows so far.

    Args:
        path: The file: .csv (UTF-8), or .parquet.
        keep: Whether to keep the rows of a file that is there, until a row for the same picture comes.

    Raises:
        InvalidRequestError: The name's suffix is neither, the package for Parquet is not installed, or the file is not such a table.
    """

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path = path
        if path.suffix.lower() not in SUFFIXES:
            raise InvalidRequestError(f"--table {path}: end the name in .csv or .parquet")
        if path.suffix.lower() == ".parquet":
            try:
                import pyarrow  # noqa: F401
            except ImportError:
                raise InvalidRequestError(f"--table {path}: this needs a package: pip install 'dgnam-client[parquet]'") from None
        self._rows: dict[tuple[str, ...], Row] = {}
        if keep and path.exists():
            self._rows = {_key(row): row for row in self._read()}

    def put(self, row: Row) -> None:
        """Add a row, in place of an earlier one of the same picture, and write the file."""
        self._rows[_key(row)] = row
        write_file(self.path, content(self.path, list(self._rows.values())))

    def has(self, row: Row) -> bool:
        """Whether there is a row of the same picture."""
        return _key(row) in self._rows

    def _read(self) -> list[Row]:
        try:
            if self.path.suffix.lower() == ".csv":
                with self.path.open(encoding="utf-8-sig", newline="") as file:
                    rows: list[Row] = [dict(row) for row in csv.DictReader(file)]
            else:
                from pyarrow import parquet

                rows = parquet.read_table(self.path).to_pylist()
            _ = [_key(row) for row in rows]
        except (KeyError, ValueError, OSError, csv.Error) as error:
            raise InvalidRequestError(
                f"--table {self.path}: what is there is not a table of results ({error}): choose another name"
            ) from error
        return rows


def content(path: Path, rows: Sequence[Row]) -> bytes:
    """The rows as a file of the path's kind."""
    # Terms, swept options and a judge make columns that only some rows have.
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return _csv(columns, rows) if path.suffix.lower() == ".csv" else _parquet(columns, rows)


def _key(row: Row) -> tuple[str, ...]:
    return str(row["address"]), str(row["seed"]), str(row["setting"])


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def _parquet(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pa.table({name: [row.get(name) for row in rows] for name in columns}), file)
    return file.getvalue()
