"""`dgnam methods`."""

from __future__ import annotations

from .._client import Client
from .parser import Arguments
from .printing import DONE, print_json
from .tunables import find, lines


def run(client: Client, arguments: Arguments) -> int:
    """List the methods with their options, or tell about one."""
    methods = client.methods(timeout=arguments.timeout)
    both = [*methods, *methods.projections]
    shown = both if arguments.name is None else [find(both, arguments.name)]
    if arguments.json:
        return print_json(methods if arguments.name is None else shown[0])
    for method in shown:
        default = " (default)" if method.name in (methods.default_method, methods.default_pixel_method) else ""
        default = " (default with max pooling)" if method.name == methods.default_projection else default
        kind = "of projection" if method in methods.projections else "of pixels" if method.pixels else "with a prior"
        print(f"{method.name}{default}, {kind}: {method.description}")
        if method.citation:
            print(f"  {method.citation}")
        if method.options:
            print("\n".join(lines(method.options)))
    print(f"default prior: {methods.default_prior}")
    return DONE
