"""`dgnam search`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .._client import Client
from .._errors import InvalidRequestError
from .._search import Search
from .._search_options import SearchOptions
from .._search_state import Generation, SearchPicture
from . import files, scoring, search_plot, waiting
from .parser import Arguments
from .printing import DONE

Measure = Callable[[Sequence[SearchPicture]], list[Any]]
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def run(client: Client, arguments: Arguments) -> int:
    """Search with a command or a unit as the neuron, until the search is over; Ctrl-C leaves it to be gone on with."""
    if (arguments.score is None) == (arguments.unit is None):
        raise InvalidRequestError("name the neuron: a command with --score, or a served unit with --unit, not both")
    for path in (arguments.plot, arguments.export):
        if path is not None:
            files.check_folder(path)
    if arguments.plot is not None:
        search_plot.check()
    options = _options(arguments)
    search = client.search(arguments.name, timeout=arguments.timeout, **options)
    folder = Path(arguments.output or search.name)
    folder.mkdir(parents=True, exist_ok=True)
    _say(arguments, f"search {search.name} {'goes on' if search.resumed else 'begins'}: {_progress(search)}")
    try:
        _loop(search, _measure(client, arguments, folder), arguments)
    except KeyboardInterrupt:
        _say(arguments, f"the same command goes on with search {search.name}")
        raise
    return _end(search, folder, arguments)


def _loop(search: Search, measure: Measure, arguments: Arguments) -> None:
    while pictures := search.ask(**waiting.said(arguments)):
        done = search.tell(measure(pictures))
        if done is not None:
            _say(arguments, line(done, search))
        if arguments.plot is not None:
            search_plot.write(Path(arguments.plot), search)


def _end(search: Search, folder: Path, arguments: Arguments) -> int:
    best = search.best(**waiting.said(arguments))
    if arguments.export is not None:
        print(search.export(arguments.export))
    if best is not None:
        print(f"{best.save(folder / 'best.png')}: picture {best.number}, score {search.state.best_score:.4g}")
    return DONE


def line(done: Generation, search: Search) -> str:
    """A generation in a line."""

    def shown(value: float | None) -> str:
        return "none" if value is None else f"{value:.4g}"

    missing = f", {done.missing} missing" if done.missing else ""
    reference = "" if done.reference_mean is None else f", references {shown(done.reference_mean)}"
    return f"generation {done.number}: mean {shown(done.mean)}, best {shown(done.best)}{reference}{missing}; {_progress(search)}"


def _measure(client: Client, arguments: Arguments, folder: Path) -> Measure:
    """What scores pictures: the command, which gets them as files in the folder, or the unit."""
    if arguments.score is not None:
        command = scoring.Command(arguments.score, arguments.score_timeout)

        def by_command(pictures: Sequence[SearchPicture]) -> list[Any]:
            return command([one.save(folder / f"{one.name}.png") for one in pictures])

        return by_command

    def by_unit(pictures: Sequence[SearchPicture]) -> list[Any]:
        array = client.activations(list(pictures), arguments.unit, timeout=arguments.timeout, **waiting.said(arguments)).array
        if array.ndim != 1:
            raise InvalidRequestError(f"--unit: {arguments.unit} is not one unit at one place: write model:tap:unit, and @y,x after it")
        return [float(value) for value in array]

    return by_unit


def _options(arguments: Arguments) -> dict[str, Any]:
    names = [*SearchOptions.__annotations__.keys() - {"references"}]
    given = {name: getattr(arguments, name) for name in names}
    if arguments.start is not None and arguments.start.endswith(".npy"):
        given["start"] = files.read_array(arguments.start)
    return given | {"references": _references(arguments.references)} | dict(map(_option, arguments.option))


def _option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.replace("-", "_"), float(value)
    except ValueError:
        raise InvalidRequestError(f"--option {text}: write NAME=NUMBER, such as population=40") from None


def _references(paths: Sequence[str]) -> list[Path] | None:
    """Picture files, and those of folders, in the order of their names."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(one for one in path.iterdir() if one.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InvalidRequestError(f"--references: there is no picture ({', '.join(_SUFFIXES)}) in {path}")
        found += inside
    return found or None


def _progress(search: Search) -> str:
    state = search.state
    ending = f", over ({state.ending})" if state.ending else ""
    return f"{state.pictures_done} of {state.max_pictures} pictures{ending}"


def _say(arguments: Arguments, text: str) -> None:
    if not arguments.quiet:
        print(text, file=sys.stderr, flush=True)
