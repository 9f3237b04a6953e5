from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import get_type_hints

import dgnam_client
import pytest
from dgnam_client import _public


def test_the_public_names() -> None:
    assert dgnam_client.__all__ == [
        "DEFAULT_SERVER",
        "ActivationPercentiles",
        "Activations",
        "AnalysisProgress",
        "AnalysisRecipe",
        "AsyncClient",
        "AsyncJob",
        "AsyncSearch",
        "Box",
        "CallCancelledError",
        "ChannelSums",
        "Client",
        "Code",
        "DeadlineExceededError",
        "DgnamError",
        "Direction",
        "Event",
        "Exemplar",
        "Exemplars",
        "FeatureMap",
        "Features",
        "Filters",
        "Gallery",
        "Generation",
        "Gram",
        "Hole",
        "InvalidAddressError",
        "InvalidRequestError",
        "Invariance",
        "InvarianceCurve",
        "Job",
        "JobAnalysis",
        "JobNews",
        "JobPicture",
        "JobPicturePage",
        "JobState",
        "Lane",
        "Limits",
        "Load",
        "LocalServer",
        "Method",
        "Methods",
        "Model",
        "NotFoundError",
        "NotReadyError",
        "Occlusion",
        "Optimizer",
        "Option",
        "OverloadedError",
        "OwnLoad",
        "Percentile",
        "PermissionDeniedError",
        "Picture",
        "PictureProgress",
        "Place",
        "Progress",
        "Projection",
        "ProtocolError",
        "Queued",
        "RandomMaps",
        "ReceptiveField",
        "Recipe",
        "Result",
        "Search",
        "SearchError",
        "SearchOptions",
        "SearchPicture",
        "SearchState",
        "ServerError",
        "ServerInfo",
        "Similar",
        "SortedMaps",
        "StartRank",
        "Started",
        "SynthesisOptions",
        "Tap",
        "Term",
        "UnauthenticatedError",
        "UnavailableError",
        "Unit",
        "UnitInfo",
        "VariantProgress",
        "accentuated",
        "contact_sheet",
        "inverted",
        "local_server",
        "metamer",
        "resembling",
        "restyled",
        "unlike",
    ]
    assert all(hasattr(dgnam_client, name) for name in dgnam_client.__all__)
    assert {name for name in dir(dgnam_client) if name[0] != "_"} - {"TYPE_CHECKING"} == set(dgnam_client.__all__)
    with pytest.raises(AttributeError, match="module 'dgnam_client' has no attribute 'Clinet'"):
        _ = dgnam_client.Clinet  # type: ignore[attr-defined]
    assert dgnam_client.__version__ == "0.1.0"
    assert resources.files(dgnam_client).joinpath("py.typed").is_file()


@pytest.mark.parametrize("kind", [dgnam_client.Client, dgnam_client.AsyncClient])
@pytest.mark.parametrize("space", ["", "_pixels"])
@pytest.mark.parametrize("call", ["synthesize{}", "stream{}", "synthesize{}_many"])
def test_signatures_show_every_option(kind: type, space: str, call: str) -> None:
    parameters = inspect.signature(getattr(kind, call.format(space))).parameters
    assert set(dgnam_client.SynthesisOptions.__annotations__) < set(parameters)
    assert list(parameters)[-1] == "options" and parameters["options"].kind is inspect.Parameter.VAR_KEYWORD
    assert parameters["seed"].annotation == "int | None"


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


def test_importing_the_client_brings_only_what_every_call_needs() -> None:
    """gRPC comes with the first call, and what one kind of call needs with that call: a program pays for what it uses."""
    heavy = {"numpy", "PIL", "tqdm", "torch", "torchvision", "dgnam_models", "dgnam_server", "grpc", "asyncio", "concurrent.futures"}
    later = {"dgnam_client._aio", "dgnam_client._search", "dgnam_client._job", "dgnam_client._sheet", "dgnam_client._cli"}
    later |= {f"dgnam_proto.v1.{part}_pb2" for part in ("analysis", "catalog", "jobs", "search", "server")}
    script = f"import sys; from dgnam_client import Client; print(*sorted({heavy | later} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_star_brings_every_name() -> None:
    """In a process of its own, from the last name to the first: no module counts on another one having been imported."""
    script = (
        "import dgnam_client as d; [getattr(d, name) for name in reversed(d.__all__)]; from dgnam_client import *; print(contact_sheet)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_type_checkers_see_the_same_names() -> None:
    assert _public.__all__ == dgnam_client.__all__
    assert all(getattr(_public, name) is getattr(dgnam_client, name) for name in dgnam_client.__all__)


def test_no_option_of_a_method_is_named_in_the_code() -> None:
    """A method's options come from the server; only examples and `steps`, which every method has, may name one."""
    options = {"decay", "bound_multiplier", "end_learning_rate", "langevin_noise", "reconstruction_weight", "noise_level", "churn"}
    options |= {"octaves", "tv_weight", "cam_weight", "shift_px", "rotation", "redirected_relu_steps"}
    folder = Path(str(resources.files(dgnam_client)))
    for path in folder.rglob("*.py"):
        names = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        names |= {node.arg for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.arg | ast.keyword) and node.arg}
        assert not names & {*options, *(f"--{name.replace('_', '-')}" for name in options)}, path


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
