from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import resources
from typing import get_type_hints

import dgnam_client
import pytest


def test_the_public_names() -> None:
    assert dgnam_client.__all__ == [
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
    assert all(hasattr(dgnam_client, name) for name in dgnam_client.__all__)
    public = {name for name, value in vars(dgnam_client).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert public == set(dgnam_client.__all__)
    assert dgnam_client.__version__ == "0.1.0"
    assert resources.files(dgnam_client).joinpath("py.typed").is_file()


@pytest.mark.parametrize("call", [dgnam_client.Client.synthesize, dgnam_client.Client.stream, dgnam_client.AsyncClient.synthesize_many])
def test_signatures_show_every_option(call: object) -> None:
    parameters = inspect.signature(call).parameters  # type: ignore[arg-type]
    assert set(dgnam_client.SynthesisOptions.__annotations__) < set(parameters)
    assert all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    assert parameters["steps"].annotation == "int | None"


def test_every_option_is_explained() -> None:
    explained = dgnam_client.SynthesisOptions.__doc__ or ""
    assert all(f"{name}: " in explained for name in dgnam_client.SynthesisOptions.__annotations__)


def test_everything_public_has_a_docstring() -> None:
    for name in set(dgnam_client.__all__) - {"DEFAULT_SERVER", "Event"}:
        thing = getattr(dgnam_client, name)
        assert inspect.getdoc(thing), name
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if inspect.isfunction(value) and member[0] != "_":
                assert value.__doc__, f"{name}.{member}"


def test_import_is_quick_and_brings_nothing_heavy() -> None:
    # Processor time, so that other programs do not count; the best of three, so that a cold disk does not either.
    script = """
import sys, time
start = time.process_time()
import dgnam_client
print(time.process_time() - start)
heavy = {"torch", "torchvision", "dgnam_models", "dgnam_server", "numpy", "PIL", "tqdm"} & sys.modules.keys()
assert not heavy, heavy
"""
    times = [float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    assert min(times) < 0.4


def test_it_works_where_torch_is_absent(server: object) -> None:
    script = """
import sys
sys.modules["torch"] = None  # importing it fails
from dgnam_client import Client, contact_sheet
with Client() as client:
    contact_sheet([client.synthesize("alexnet64:fc8:lemon")])
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_types_can_be_resolved() -> None:
    assert get_type_hints(dgnam_client.Queued) == {"position": int}
