"""Files say what they hold, and hold something."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("proto", "client", "models", "server", "tests", "scripts")
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "handler", "handlers", "tools", "stuff"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_vague_names(folder: str) -> None:
    wrong = [path for path in (ROOT / folder).rglob("*") if path.stem.removeprefix("test_").strip("_").lower() in VAGUE]
    assert not wrong, "a file's name is a noun for what it holds"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_empty_sources(folder: str) -> None:
    wrong = [path for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py" and not path.read_text(encoding="utf-8").strip()]
    assert not wrong


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_importable_lies_beside_the_packages(folder: str) -> None:
    """A top-level package called `client` or `proto` in site-packages breaks other people's programs."""
    wrong = [*(ROOT / folder).glob("__init__.py")]
    if folder not in ("tests", "scripts"):
        wrong += (ROOT / folder).glob("*.py")
    assert not wrong
