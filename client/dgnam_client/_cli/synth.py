"""`dgnam synth`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._client import Client
from .._errors import DgnamError, InvalidRequestError
from .._file import write_file
from .._options import SynthesisOptions
from .._recipe import Recipe
from .._result import Result
from .._target import TargetLike, parse_target
from .._unit import Direction, Features, Unit
from . import files, tunables
from .bars import Bars
from .parser import Arguments
from .printing import DONE, complain, exit_code

Outcomes = Sequence[Result | list[Result] | DgnamError]


def run(client: Client, arguments: Arguments) -> int:
    """Draw what is asked for, write it, and tell what went wrong."""
    if bool(arguments.targets) == bool(arguments.replay):
        raise InvalidRequestError("name at least one target, such as alexnet64:fc8:lemon, or a recipe to --replay, not both")
    if arguments.replay:
        return _replay(client, arguments)
    targets = _targets(arguments)
    names = ["+".join(map(str, parse_target(target))) for target in targets]
    options = _options(arguments)
    pixels = _check_method(client, arguments, options)
    _check_output(arguments, several=len(names) * (arguments.variants or 1) > 1)
    draw = client.synthesize_pixels_many if pixels else client.synthesize_many
    with Bars(names, arguments.variants or 1, sys.stderr, quiet=arguments.quiet) as bars:
        outcomes = draw(targets, variants=arguments.variants, timeout=arguments.timeout, on_progress=bars, **options)
    _write([result for outcome in outcomes if not isinstance(outcome, DgnamError) for result in _listed(outcome)], arguments)
    return _report(names, outcomes)


def _replay(client: Client, arguments: Arguments) -> int:
    beside = (*_options(arguments).values(), arguments.variants, arguments.direction, arguments.features)
    if arguments.tuned or any(value is not None for value in beside):
        raise InvalidRequestError("a recipe holds all options: leave them out beside --replay")
    recipe = Recipe.load(arguments.replay)
    _check_output(arguments, several=False)
    with Bars([recipe.target], 1, sys.stderr, quiet=arguments.quiet) as bars:
        result = client.replay(recipe, timeout=arguments.timeout, on_progress=lambda event: bars(0, event))
    _write([result], arguments)
    for line in recipe.differences(result.recipe):
        complain(f"the picture may differ from the recipe's: {line}")
    return DONE


def _options(arguments: Arguments) -> dict[str, Any]:
    """The keywords of SynthesisOptions that have an option here; None where it was left out."""
    return {name: getattr(arguments, name) for name in SynthesisOptions.__annotations__ if hasattr(arguments, name)}


def _targets(arguments: Arguments) -> list[TargetLike]:
    """What the pictures are of.

    Raises:
        InvalidRequestError: A target is a tap and should be a unit, or the other way round; or the direction's file cannot be read.
    """
    if arguments.direction is None and arguments.features is None:
        return list(arguments.targets)
    option = "--features" if arguments.direction is None else "--direction"
    places = [[part.strip() for part in text.split(":")] for text in arguments.targets]
    wrong = [text for text, parts in zip(arguments.targets, places, strict=True) if len(parts) != 2 or not all(parts)]
    if wrong:
        raise InvalidRequestError(f"with {option} a target is a whole tap, such as alexnet64:conv3, not {', '.join(wrong)}")
    what = Features(arguments.features) if arguments.direction is None else Direction(files.read_array(arguments.direction))
    return [Unit(model, tap, what) for model, tap in places]


def _check_method(client: Client, arguments: Arguments, options: dict[str, Any]) -> bool:
    """Whether the method optimizes pixels; adds the values of its own options to `options`.

    Raises:
        InvalidRequestError: The method has no such option, or a value is not a number.
        NotFoundError: There is no such method.
    """
    if arguments.start is not None and Path(arguments.start).suffix.lower() == ".npy":
        options["start"] = files.read_array(arguments.start)
    if arguments.method is None and not arguments.tuned:
        return False  # no need to ask
    methods = client.methods(timeout=arguments.timeout)
    method = tunables.find(methods, arguments.method or methods.default_method)
    if options["prior"] is not None and method.pixels:
        having = ", ".join(other.name for other in methods if not other.pixels)
        raise InvalidRequestError(f"--prior is not an option of {method.name}, but of {having}")
    options |= tunables.values(arguments.tuned, method, methods, arguments.fixed)
    return method.pixels


def _check_output(arguments: Arguments, *, several: bool) -> None:
    for text in (arguments.output, arguments.grid):
        if text is not None:
            files.check_folder(text)
    if arguments.grid is not None and Path(arguments.grid).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidRequestError(f"--grid {arguments.grid}: end the name in .png, .jpg or .webp")
    if several:
        files.check_several(arguments.output, f" or --grid {arguments.output}")


def _listed(outcome: Result | list[Result]) -> list[Result]:
    return outcome if isinstance(outcome, list) else [outcome]


def _write(results: list[Result], arguments: Arguments) -> None:
    if not results:
        return
    only_sheet = arguments.output is None and arguments.grid is not None
    paths = [] if only_sheet else files.places(arguments.output, files.result_names(results))
    for path, result in zip(paths, results, strict=False):
        result.save(path, recipe=not arguments.no_recipe, code=arguments.code)
        print(f"{path}  {result.readout} {result.activation:.4g}, {result.steps} steps, seed {result.recipe.seed}")
        if result.remark:
            complain(f"{path}: {result.remark}{_advice(result)}")
    if arguments.grid is not None:
        from PIL import Image

        from .._sheet import contact_sheet, encode

        sheet = Path(arguments.grid)
        write_file(sheet, encode(contact_sheet(results), Image.registered_extensions()[sheet.suffix.lower()]))
        print(f"{sheet}  {len(results)} pictures")


def _advice(result: Result) -> str:
    """What to do about a picture without a gradient; empty for others."""
    if result.ending != "no-gradient":
        return ""
    why = "its unit is silent or saturated for every picture seen, or its function has no slope"
    wake = f"an option that wakes silent units, where `dgnam methods {result.recipe.method}` has one"
    return f", as {why}: try a tap before it, another --seed, a --start, or {wake}"


def _report(names: list[str], outcomes: Outcomes) -> int:
    errors = {name: outcome for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, DgnamError)}
    if len(errors) > 1 and len({str(error) for error in errors.values()}) == 1 and len(errors) == len(set(names)):
        complain(str(next(iter(errors.values()))))
    else:
        for name, error in errors.items():
            complain(f"{name}: {error}" if len(names) > 1 else str(error))
    return max(map(exit_code, errors.values()), default=DONE)
