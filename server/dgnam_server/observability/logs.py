"""How the log is written: as lines for people, or as JSON for machines. Each line of a call has the call's id."""

import logging
import sys
from typing import Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from dgnam_server.observability.request_id import CURRENT

_TEXT = "%(asctime)s %(levelname)s %(message)s"
_NAMES = {"levelname": "level", "name": "logger"}


def handler(form: Literal["text", "json"], stream: TextIO = sys.stderr) -> logging.Handler:
    """What writes log records to `stream`, in this form."""
    made = logging.StreamHandler(stream)
    made.setFormatter(_Json() if form == "json" else _Text(_TEXT))
    return made


class _Text(logging.Formatter):
    """A line ends with the call's id."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line, request_id = super().formatMessage(record), CURRENT.get()
        return f"{line} [{request_id}]" if request_id else line


class _Json(JsonFormatter):
    """An object a line: timestamp (UTC), level, logger, message, request_id, what the call of the logger gave as `extra`, exc_info."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s", rename_fields=_NAMES, timestamp=True)

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        if request_id := CURRENT.get():
            log_data["request_id"] = request_id
        return super().process_log_record(log_data)
