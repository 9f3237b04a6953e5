"""`dgnam completion`."""

from __future__ import annotations

from .._client import Client
from .._errors import DgnamError, InvalidRequestError
from . import parser, tunables
from .parser import Arguments
from .printing import DONE, complain


def run(client: Client, arguments: Arguments) -> int:
    """Print a completion script; it knows the methods and their options where the server answers now."""
    try:
        import shtab
    except ImportError:
        raise InvalidRequestError("completion needs the package shtab: pip install 'dgnam-client[completion]'") from None
    commands = parser.build()
    synth = commands.subparsers["synth"]
    try:
        methods = client.methods(timeout=arguments.timeout)
    except DgnamError as error:
        complain(f"the methods' options are not completed: {error}")
    else:
        options = {option.name: option.description for method in methods for option in method.options}
        for name, description in options.items():
            synth.add_argument(tunables.flag(name), help=description.replace("%", "%%"))
        for command, names in (("synth", methods), ("look", methods.projections)):
            (method,) = (action for action in commands.subparsers[command]._actions if action.dest == "method")
            method.choices = [method.name for method in names]
    print(shtab.complete(commands.parser, arguments.shell))
    return DONE
