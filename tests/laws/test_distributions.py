"""The four distributions: one version, and wheels that hold what they should and nothing else."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("proto", "client", "models", "server")
MEGABYTE = 1_000_000


def version(name: str) -> str:
    source = (ROOT / name / f"dgnam_{name}" / "__init__.py").read_text(encoding="utf-8")
    found = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert len(found) == 1, f'{name}/dgnam_{name}/__init__.py has no line __version__ = "..."'
    return str(found[0])


def wheel(name: str, folder: Path) -> Path:
    """Build the distribution's wheel with the build backend that is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT / name, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_one_version() -> None:
    versions = {name: version(name) for name in NAMES}
    assert len(set(versions.values())) == 1, versions
    assert f"## [{version('proto')}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_one_licence(name: str) -> None:
    """Each distribution needs a copy: an archive cannot hold a file from outside its folder."""
    assert (ROOT / name / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_siblings_are_asked_for_at_this_version(name: str) -> None:
    project = tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]
    major_minor = version(name).rsplit(".", 1)[0]
    for requirement in project["dependencies"]:
        if requirement.startswith("dgnam-"):
            assert requirement.partition("~=")[2] == f"{major_minor}.0"


@pytest.mark.parametrize("name", ["proto", "client", pytest.param("models", marks=pytest.mark.slow), "server"])
def test_the_wheel_holds_the_whole_package_and_nothing_else(name: str, tmp_path: Path) -> None:
    package = f"dgnam_{name}"
    with ZipFile(wheel(name, tmp_path)) as archive:
        held = set(archive.namelist())
        (metadata,) = (archive.read(path).decode() for path in held if path.endswith(".dist-info/METADATA"))
    there = {
        path.relative_to(ROOT / name).as_posix()
        for path in (ROOT / name / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path for path in held if ".dist-info/" not in path} == there
    assert f"{package}/py.typed" in held
    assert any(path.endswith(".dist-info/licenses/LICENSE") for path in held)
    assert f"\nVersion: {version(name)}\n" in metadata


def test_the_client_wheel_is_small(tmp_path: Path) -> None:
    assert wheel("client", tmp_path).stat().st_size < MEGABYTE
