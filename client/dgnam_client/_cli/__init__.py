"""The `dgnam` command. The only place of this package that prints."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence

from .._errors import DgnamError
from . import parser, tunables
from .printing import BAD_REQUEST, DONE, FAILED, INTERRUPTED, complain, exit_code, take_any_text

__all__ = ["BAD_REQUEST", "DONE", "FAILED", "INTERRUPTED", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments; default: those of the process.

    Returns:
        0 if all went well, 2 for a request that cannot be met as it is, 1 for other failures, 130 after Ctrl-C.
    """
    take_any_text()
    given = list(sys.argv[1:] if argv is None else argv)
    commands = parser.build()
    drawing = given[0] if given[:1] and given[0] in (*parser.DRAWING, "look", "exemplars", "atlas") else "synth"
    fixed = commands.options(drawing)
    given, tuned = tunables.split(given, fixed) if given[:1] == [drawing] else (given, {})
    # A weight may be negative, and argparse would take it for an option; none of ours starts with a digit.
    arguments = commands.parser.parse_args([f" {text}" if re.match(r"-[\d.]", text) else text for text in given])
    arguments.tuned, arguments.fixed = tuned, fixed
    try:
        return _run(commands, arguments)
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except DgnamError as error:
        complain(str(error))
        return exit_code(error)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would complain about the rest when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (OSError, ValueError) as error:
        complain(str(error))
        return FAILED


def _run(commands: parser.Commands, arguments: parser.Arguments) -> int:
    if arguments.command == "synth" and arguments.help:
        commands.subparsers["synth"].print_help()
        if arguments.method is None:
            return DONE
        arguments.command = "tunables"  # the server knows the rest
    # Each command is a module with `run`, loaded only now: what a command does not need, such as gRPC, is not loaded.
    command = importlib.import_module(f".{arguments.command}", __name__)
    from .._client import Client

    with Client(arguments.server, ca_file=arguments.ca_file, cert_file=arguments.cert_file, key_file=arguments.key_file) as client:
        code: int = command.run(client, arguments)
        sys.stdout.flush()
        return code
