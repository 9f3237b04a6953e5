"""Ask a dgnam server for pictures of what a neuron prefers.

    from dgnam_client import Client

    with Client("grpc://127.0.0.1:7433") as client:
        client.synthesize("alexnet64:fc8:lemon", seed=0).save("lemon.png")

Needs neither PyTorch nor any weights. `AsyncClient` has the same calls for asyncio, and `dgnam` is the command line.
"""

__version__ = "0.1.0"

from ._aio import AsyncClient
from ._channel import DEFAULT_SERVER
from ._client import Client
from ._errors import (
    CallCancelledError,
    DeadlineExceededError,
    DgnamError,
    InvalidAddressError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    ServerError,
    UnauthenticatedError,
    UnavailableError,
)
from ._local import LocalServer, local_server
from ._result import Event, Progress, Queued, Recipe, Result, Started, VariantProgress
from ._sheet import contact_sheet
from ._target import Direction, Features, Term, Unit
from ._types import Code, Lane, Limits, Load, Method, Methods, Model, Option, PixelOptions, ServerInfo, SynthesisOptions, Tap, UnitInfo

__all__ = [
    "DEFAULT_SERVER",
    "AsyncClient",
    "CallCancelledError",
    "Client",
    "Code",
    "DeadlineExceededError",
    "DgnamError",
    "Direction",
    "Event",
    "Features",
    "InvalidAddressError",
    "InvalidRequestError",
    "Lane",
    "Limits",
    "Load",
    "LocalServer",
    "Method",
    "Methods",
    "Model",
    "NotFoundError",
    "NotReadyError",
    "Option",
    "OverloadedError",
    "PermissionDeniedError",
    "PixelOptions",
    "Progress",
    "ProtocolError",
    "Queued",
    "Recipe",
    "Result",
    "ServerError",
    "ServerInfo",
    "Started",
    "SynthesisOptions",
    "Tap",
    "Term",
    "UnauthenticatedError",
    "UnavailableError",
    "Unit",
    "UnitInfo",
    "VariantProgress",
    "contact_sheet",
    "local_server",
]
