"""dgnam-server: synthesizes the pictures that units of neural networks prefer, and serves them over gRPC.

As a library: `Engine.local(Network.of(...))` serves inside this process; see `dgnam_server.local`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgnam_models import Network as Network
    from dgnam_models import Preprocessing as Preprocessing

    from dgnam_server.local import Engine as Engine

__version__ = "0.1.0"
__all__ = ["Engine", "Network", "Preprocessing"]


def __getattr__(name: str) -> Any:
    """The library's names, fetched when they are asked for: the program starts without them, and PyTorch takes seconds."""
    if name == "Engine":
        from dgnam_server.local import Engine

        return Engine
    if name in __all__:
        import dgnam_models

        return getattr(dgnam_models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
