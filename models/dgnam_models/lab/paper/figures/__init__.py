"""The published results, one figure per file; the file's name is the figure's.

Each file has `draw(study) -> Figure`, a first line that says what it shows, and, where classifiers must be trained for it, their recipes
as `RECIPES`; or, where it shows the strongest of many photographs, `SHOWS_PHOTOGRAPHS`.
"""

import ast
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgnam_models.lab.paper.study import Figure, Study


def names() -> list[str]:
    """The figures in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def about(name: str) -> str:
    """What the figure `name` shows, in a line; read off the file, since to import it takes seconds."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def recipes(name: str) -> Sequence[str]:
    """The recipes of the classifiers that must be trained before the figure `name` can be drawn."""
    return getattr(_figure(name), "RECIPES", ())


def shows_photographs(name: str) -> bool:
    """Whether the figure `name` cannot be drawn without photographs, of which the server must have an index."""
    return bool(getattr(_figure(name), "SHOWS_PHOTOGRAPHS", False))


def draw(name: str, study: "Study") -> "Figure":
    """Draw the figure `name`.

    Raises:
        StudyError: the server refused or failed.
    """
    figure: Figure = _figure(name).draw(study)
    return figure


def _figure(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")
