"""Ask a dgnam server for pictures of what a neuron prefers.

    from dgnam_client import Client

    with Client("grpc://127.0.0.1:7433") as client:
        client.synthesize("alexnet64:fc8:lemon", seed=0).save("lemon.png")

Needs neither PyTorch nor any weights. `AsyncClient` has the same calls for asyncio, and `dgnam` is the command line.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ._public import *  # noqa: F403
else:
    # The names of _public.py are loaded when the first one is used, so that `dgnam --help` does without gRPC.
    def __getattr__(name):
        if not name.startswith("_") or name == "__all__":
            from . import _public

            if name == "__all__" or name in _public.__all__:
                return getattr(_public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        from . import _public

        return sorted({*globals(), *_public.__all__})
