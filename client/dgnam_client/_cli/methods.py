"""`dgnam methods`."""

from __future__ import annotations

from .._client import Client
from .parser import Arguments
from .printing import DONE, print_json
from .tunables import find, lines


def run(client: Client, arguments: Arguments) -> int:
    """List the methods with their options, or tell about one."""
    methods = client.methods(timeout=arguments.timeout)
    shown = list(methods) if arguments.name is None else [find(methods, arguments.name)]
    if arguments.json:
        return print_json(methods if arguments.name is None else shown[0])
    for method in shown:
        default = " (default)" if method.name in (methods.default_method, methods.default_pixel_method) else ""
        print(f"{method.name}{default}, {'of pixels' if method.pixels else 'with a prior'}: {method.description}")
        if method.citation:
            print(f"  {method.citation}")
        print("\n".join(lines(method.options)))
    print(f"default prior: {methods.default_prior}")
    return DONE
