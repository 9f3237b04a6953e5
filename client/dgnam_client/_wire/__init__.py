"""Arguments -> messages, messages -> results. Nothing here talks to a server; both clients use it.

The only I/O is reading the picture or recipe file that an argument names. A module is loaded when it is first used, with its part of the
contract: most programs need only one of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import analyses as analyses
    from . import catalog as catalog
    from . import jobs as jobs
    from . import searches as searches
else:

    def __getattr__(name: str) -> Any:
        if name in ("analyses", "catalog", "jobs", "searches"):
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
