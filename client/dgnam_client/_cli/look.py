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
from .._invariance import Invariance
from .._occlusion import Occlusion
from .._projection import Projection
from . import files, tunables, waiting
from .parser import Arguments
from .printing import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._catalog import Methods

ALL = "all"
# The options that go with one kind of analysis, of those that have options of their own.
_PROJECTION, _OCCLUSION, _INVARIANCE, _REPLAY = "", "--occlusion", "--invariance", "--replay"
_OPTIONS = {
    _PROJECTION: ("method", "top", "layer", "enlarge", "grid"),
    _OCCLUSION: ("size", "stride", "colour"),
    _INVARIANCE: ("translations", "rotations", "scales", "colour"),
    _REPLAY: (),
}
Found = Projection | Occlusion | Invariance


def run(client: Client, arguments: Arguments) -> int:
    """Look at a photograph through a network: projections, an occlusion, or an invariance."""
    _check(arguments)
    if arguments.replay is not None:
        with progress("again", arguments) as show:
            again = client.replay_analysis(arguments.replay, on_progress=show, timeout=arguments.timeout, **waiting.said(arguments))
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
                on_progress=show,
                timeout=arguments.timeout,
                **waiting.said(arguments),
            )
        assert isinstance(found, Occlusion)
        _write([found], [f"{Path(arguments.picture).stem}-occlusion"], arguments)
    elif arguments.invariance:
        with progress("invariance", arguments) as show:
            moved = client.transform(
                arguments.picture,
                arguments.places,
                translations=arguments.translations,
                rotations=arguments.rotations,
                scales=arguments.scales,
                colour=_colour(arguments.colour),
                determinism=arguments.determinism,
                on_progress=show,
                timeout=arguments.timeout,
                **waiting.said(arguments),
            )
        assert isinstance(moved, Invariance)
        _write([moved], [f"{Path(arguments.picture).stem}-invariance"], arguments)
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
                    on_progress=show,
                    timeout=arguments.timeout,
                    **waiting.said(arguments),
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
    if arguments.occlusion and arguments.invariance:
        raise InvalidRequestError("--occlusion and --invariance are two analyses: give one of them")
    _check_options(arguments)
    for text in (arguments.output, arguments.grid):
        if text is not None:
            files.check_folder(text)
    if arguments.grid is not None and Path(arguments.grid).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidRequestError(f"--grid {arguments.grid}: end the name in .png, .jpg or .webp")


def _check_options(arguments: Arguments) -> None:
    """Refuse options of another kind of analysis."""
    kind = _OCCLUSION if arguments.occlusion else _INVARIANCE if arguments.invariance else _PROJECTION
    kind = _REPLAY if arguments.replay else kind
    foreign = [name for names in _OPTIONS.values() for name in names if name not in _OPTIONS[kind]]
    given = [tunables.flag(name) for name in dict.fromkeys(foreign) if getattr(arguments, name)]
    given += [tunables.flag(name) for name in arguments.tuned] if kind else []
    if not given:
        return
    others = [other for other, names in _OPTIONS.items() if other and any(tunables.flag(name) in given for name in names)]
    why = "a recipe holds all options" if kind == _REPLAY else f"see {' and '.join(others)}" if others else f"it goes without {kind}"
    raise InvalidRequestError(f"{', '.join(given)} cannot be given here: {why}")


def _methods(client: Client, arguments: Arguments) -> tuple[list[str | None], dict[str, float]]:
    """The methods asked for, None for the server's default; and the values of their own options."""
    if not arguments.tuned and arguments.method is None:
        return [None], {}
    known = client.methods(timeout=arguments.timeout)
    wanted = arguments.method or [default_projection(client, known, arguments.places[0])]
    names = [method.name for method in known.projections] if ALL in wanted else list(dict.fromkeys(wanted))
    found = [tunables.find(known.projections, name) for name in names]
    if len(found) > 1 and arguments.tuned:
        raise InvalidRequestError(f"{', '.join(map(tunables.flag, arguments.tuned))}: the options of a method go with it alone")
    options = tunables.values(arguments.tuned, found[0], known.projections, arguments.fixed)
    return [method.name for method in found], options


def default_projection(client: Client, methods: Methods, place: str) -> str:
    """The method of projection of a place where none is named."""
    return client.model(place.partition(":")[0].strip()).default_projection or methods.default_projection


def _colour(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidRequestError(f"--colour {text}: write a grey from 0 to 1, or red,green,blue") from None


def _write(found: Sequence[Found], names: Sequence[str], arguments: Arguments) -> None:
    for path, one in zip(files.places(arguments.output, names), found, strict=False):
        one.save(path, recipe=not arguments.no_recipe and path.with_suffix(".json") != Path(arguments.replay or ""))
        print(f"{path}  {described(one)}")


def described(one: Found) -> str:
    """A line about a result."""
    if isinstance(one, Invariance):
        least = ", ".join(f"{curve.probabilities.min():.1%} {change}" for change, curve in one.curves.items())
        return f"{one.recipe.place}: {one.name} {one.probability:.1%} as it is; at worst {least}"
    if isinstance(one, Occlusion):
        return (
            f"{one.recipe.place}: {one.class_label or f'class {one.class_index}'} {one.probability:.1%} uncovered, "
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
            elif isinstance(event, Found):
                bar.n = bar.total or 1
            bar.refresh()

        yield show
