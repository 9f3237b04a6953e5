"""`dgnam look`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._client import Client
from .._errors import InvalidRequestError
from .._events import AnalysisProgress
from .._exemplars import Exemplar
from .._file import write_file
from .._occlusion import Occlusion
from .._projection import Projection
from . import files, tunables
from .parser import Arguments
from .printing import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = "all"
_OF_PROJECTIONS = ("method", "top", "layer", "enlarge", "grid")
_OF_OCCLUSIONS = ("size", "stride", "colour")


def run(client: Client, arguments: Arguments) -> int:
    """Look at a photograph through a network: projections, or an occlusion."""
    _check(arguments)
    if arguments.replay is not None:
        with progress("again", arguments) as show:
            again = client.replay_analysis(arguments.replay, on_progress=show, timeout=arguments.timeout)
        _write([again], [Path(arguments.replay).stem], arguments)
    elif arguments.occlusion:
        with progress("occlusion", arguments) as show:
            found = client.occlude(
                arguments.picture,
                arguments.places,
                size=arguments.size,
                stride=arguments.stride,
                colour=_colour(arguments.colour),
                determinism=arguments.determinism,
                priority=arguments.priority,
                queue_timeout_s=arguments.queue_timeout_s,
                on_progress=show,
                timeout=arguments.timeout,
            )
        assert isinstance(found, Occlusion)
        _write([found], [f"{Path(arguments.picture).stem}-occlusion"], arguments)
    else:
        _project(client, arguments)
    return DONE


def _project(client: Client, arguments: Arguments) -> None:
    methods, options = _methods(client, arguments)
    files_there = len(arguments.places) * len(methods)
    if files_there > 1:
        files.check_several(arguments.output, f" or --grid {arguments.output}")
    found, names = [], []
    for place in arguments.places:
        for method in methods:
            with progress(f"{place} {method or ''}".strip(), arguments) as show:
                one = client.project(
                    arguments.picture,
                    place,
                    method=method,
                    top=arguments.top,
                    layer=arguments.layer,
                    enlarge=arguments.enlarge or None,
                    determinism=arguments.determinism,
                    priority=arguments.priority,
                    queue_timeout_s=arguments.queue_timeout_s,
                    on_progress=show,
                    timeout=arguments.timeout,
                    **options,
                )
            assert isinstance(one, Projection)
            found.append(one)
            names.append(f"{Path(arguments.picture).stem}-{one.recipe.place}-{one.recipe.method}")
    if arguments.output is not None or arguments.grid is None:
        _write(found, [re.sub(r"[^\w.+-]+", "-", name)[:120] for name in names], arguments)
    if arguments.grid is not None:
        _write_sheet(found, Path(arguments.grid))


def _check(arguments: Arguments) -> None:
    if arguments.replay is not None and (arguments.picture is not None or arguments.places):
        raise InvalidRequestError("a recipe holds the picture and the target: leave them out beside --replay")
    if arguments.replay is None and not arguments.places:
        raise InvalidRequestError("name a picture and a target, such as photo.jpg alexnet64:fc8:lemon; or a recipe to --replay")
    foreign = _OF_PROJECTIONS if arguments.occlusion else _OF_OCCLUSIONS
    foreign = (*foreign, *(_OF_PROJECTIONS if arguments.replay else ()), *(_OF_OCCLUSIONS if arguments.replay else ()))
    given = [tunables.flag(name) for name in dict.fromkeys(foreign) if getattr(arguments, name)]
    given += [tunables.flag(name) for name in arguments.tuned] if arguments.occlusion or arguments.replay else []
    if given:
        why = "it goes without --occlusion" if arguments.occlusion else "see --occlusion"
        raise InvalidRequestError(f"{', '.join(given)} cannot be given here: {'a recipe holds all options' if arguments.replay else why}")
    for text in (arguments.output, arguments.grid):
        if text is not None:
            files.check_folder(text)
    if arguments.grid is not None and Path(arguments.grid).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidRequestError(f"--grid {arguments.grid}: end the name in .png, .jpg or .webp")


def _methods(client: Client, arguments: Arguments) -> tuple[list[str | None], dict[str, float]]:
    """The methods asked for, None for the server's default; and the values of their own options."""
    if not arguments.tuned and arguments.method is None:
        return [None], {}
    known = client.methods(timeout=arguments.timeout)
    wanted = arguments.method or [known.default_projection]
    names = [method.name for method in known.projections] if ALL in wanted else list(dict.fromkeys(wanted))
    found = [tunables.find(known.projections, name) for name in names]
    if len(found) > 1 and arguments.tuned:
        raise InvalidRequestError(f"{', '.join(map(tunables.flag, arguments.tuned))}: the options of a method go with it alone")
    options = tunables.values(arguments.tuned, found[0], known.projections, arguments.fixed)
    return [method.name for method in found], options


def _colour(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidRequestError(f"--colour {text}: write a grey from 0 to 1, or red,green,blue") from None


def _write(found: Sequence[Projection | Occlusion], names: Sequence[str], arguments: Arguments) -> None:
    for path, one in zip(files.places(arguments.output, names), found, strict=False):
        one.save(path, recipe=not arguments.no_recipe and path.with_suffix(".json") != Path(arguments.replay or ""))
        print(f"{path}  {described(one)}")


def described(one: Projection | Occlusion) -> str:
    """A line about a result."""
    if isinstance(one, Occlusion):
        return (
            f"{one.recipe.place}: {one.class_label or one.class_index} {one.probability:.1%} uncovered, "
            f"{one.probability_map.min():.1%} to {one.probability_map.max():.1%} covered"
        )
    at = "".join(f" @{y},{x}" for y, x in one.positions[:3])
    label = f" ({one.label})" if one.label else ""
    silent = ", silent for this picture" if one.activations[0] <= 0 else ""
    return f"{one.recipe.place}{label}{at}: activation {one.activations[0]:.4g}{silent}, {one.recipe.method}"


def _write_sheet(found: Sequence[Projection], path: Path) -> None:
    """The picture, and the projections after it."""
    from PIL import Image

    from .._sheet import contact_sheet, encode

    captions = [[one.recipe.method, f"{one.recipe.place} {one.label}".strip(), f"activation {one.activations[0]:.4g}"] for one in found]
    sheet = contact_sheet([found[0].seen, *(one.image for one in found)], [["the picture"], *captions])
    write_file(path, encode(sheet, Image.registered_extensions()[path.suffix.lower()]))
    print(f"{path}  {len(found)} projections")


@contextmanager
def progress(name: str, arguments: Arguments) -> Iterator[Callable[[Any], None]]:
    """A progress bar on a terminal, moved by the events of a call."""
    from tqdm import tqdm

    quiet = arguments.quiet or not sys.stderr.isatty()
    with tqdm(desc=name, total=1, disable=quiet, bar_format="{desc} {bar} {n_fmt}/{total_fmt} looks", file=sys.stderr) as bar:

        def show(event: Any) -> None:
            if isinstance(event, AnalysisProgress):
                bar.total, bar.n = sum(one.total_steps for one in event.pictures), sum(one.step for one in event.pictures)
            elif isinstance(event, Exemplar):
                bar.n = min(bar.n + 1, bar.total or 1)
            elif isinstance(event, Projection | Occlusion):
                bar.n = bar.total or 1
            bar.refresh()

        yield show
