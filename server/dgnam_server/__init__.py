"""dgnam-server: synthesizes the pictures that units of neural networks prefer, and serves them over gRPC.

As a library: `render(module, "layer4.1.conv2:17")` draws one picture, `Engine.local(Network.of(...))` serves inside this process; see
`dgnam_server.rendering` and `dgnam_server.local`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgnam_models import Network as Network
    from dgnam_models import Preprocessing as Preprocessing

    from dgnam_server.local import Engine as Engine
    from dgnam_server.rendering import render as render

__version__ = "0.1.0"
__all__ = ["Engine", "Network", "Preprocessing", "render"]


def __getattr__(name: str) -> Any:
    """The library's names, fetched when they are asked for: the program starts without them, and PyTorch takes seconds."""
    if name == "Engine":
        from dgnam_server.local import Engine

        return Engine
    if name == "render":
        from dgnam_server.rendering import render

        return render
    if name in __all__:
        import dgnam_models

        return getattr(dgnam_models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
