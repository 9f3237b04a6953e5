"""Who may import whom. Read off the sources, so an import inside a function counts too."""

import ast
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ("proto/dgnam_proto", "client/dgnam_client", "models/dgnam_models", "server/dgnam_server")
NO_TORCH = ("torch", "torchvision", "safetensors", "onnxruntime", "dgnam_models", "dgnam_server")
PURE = ("grpc", "threading", "asyncio", "dgnam_proto", "dgnam_server.engine", "dgnam_server.rpc")
LAWS = [
    # (folder or file, what it may not import, why)
    ("proto/dgnam_proto", (*NO_TORCH, "dgnam_client"), "the contract needs no PyTorch"),
    ("client/dgnam_client", NO_TORCH, "the client is thin"),
    ("models/dgnam_models", ("grpc", "dgnam_proto", "dgnam_server"), "models know nothing of serving"),
    ("server/dgnam_server/synth", PURE, "mathematics only"),
    ("server/dgnam_server/analysis", PURE, "mathematics only"),
    ("server/dgnam_server/engine", ("grpc", "dgnam_proto", "dgnam_server.rpc"), "the engine does not know the wire"),
    ("server/dgnam_server/engine/scheduler.py", ("torch", "threading", "asyncio", "time"), "the policy runs on a fake clock"),
]


@cache
def imports(path: Path) -> frozenset[str]:
    """The dotted names that a source file imports; of `from a import b` both `a` and `a.b`, since `b` may be a module."""
    package = path.relative_to(ROOT).parts[1:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join((*start, *([node.module] if node.module else [])))
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def test_of_the_models_only_what_measures_and_draws_uses_the_client() -> None:
    users = {path for path in sources("models/dgnam_models") if any(name.split(".")[0] == "dgnam_client" for name in imports(path))}
    assert {path.relative_to(ROOT / "models/dgnam_models/lab").parts[0] for path in users} == {"evaluate", "interpretability", "paper"}


def test_the_server_does_not_call_itself_but_as_a_library() -> None:
    users = {path for path in sources("server/dgnam_server") if any(name.split(".")[0] == "dgnam_client" for name in imports(path))}
    assert {path.name for path in users} == {"local.py", "rendering.py"}


def test_the_gallery_is_loaded_by_its_command_alone() -> None:
    """It needs an extra, which the thin client does without."""
    folder = ROOT / "client/dgnam_client"
    extra = ("dgnam_client._web", "starlette", "uvicorn", "jinja2")
    users = {path for path in sources("client/dgnam_client") if any(name.startswith(extra) for name in imports(path))}
    assert {path.relative_to(folder).as_posix() for path in users if path.parent.name != "_web"} == {"_cli/gallery.py"}


def sources(where: str) -> list[Path]:
    path = ROOT / where
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize(("where", "forbidden", "why"), LAWS, ids=[law[0] for law in LAWS])
def test_no_forbidden_imports(where: str, forbidden: tuple[str, ...], why: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(where)
        for name in sorted(imports(path))
        if any(name == other or name.startswith(f"{other}.") for other in forbidden)
    ]
    assert not wrong, f"{why}: {wrong}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_tests_or_tools(package: str) -> None:
    tools = {"tests", "conftest", "pytest", "_pytest", "unittest", "scripts", "demo"}
    wrong = [f"{path.relative_to(ROOT)} imports {name}" for path in sources(package) for name in imports(path) & tools]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_is_a_declared_dependency(package: str) -> None:
    project = tomllib.loads((ROOT / package).parent.joinpath("pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project.get("optional-dependencies", {}).values()]
    declared = {canonicalize_name(Requirement(line).name) for lines in lists for line in lines}
    providers = packages_distributions()
    wrong = []
    for path in sources(package):
        for name in sorted({name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - {Path(package).name}):
            if not declared & {canonicalize_name(provider) for provider in providers.get(name, [name])}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, f"not among the dependencies of {project['name']}: {wrong}"
