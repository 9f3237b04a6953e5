"""How the requests of a command wait for the server. Loads nothing but argparse."""

from __future__ import annotations

import argparse
from typing import Any, TypedDict, get_args

from .._options import Priority


class Waits(TypedDict):
    """What every call that has the server work takes; None: as the server has it."""

    priority: Priority | None
    queue_timeout_s: float | None


def add(command: Any) -> None:
    """Give a command, or a group of its arguments, the two options."""
    command.add_argument("--priority", choices=get_args(Priority), help="batch: your interactive requests come first")
    command.add_argument("--queue-timeout-s", type=float, metavar="S", help="give up if it has not started after so many seconds")


def said(arguments: argparse.Namespace) -> Waits:
    """What the command was given."""
    return {"priority": arguments.priority, "queue_timeout_s": arguments.queue_timeout_s}
