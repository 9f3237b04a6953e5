"""`dgnam synth`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from .._client import Client
from .._errors import DgnamError, InvalidRequestError
from .._many import Done
from .._options import SynthesisOptions
from .._recipe import Recipe
from .._result import Result
from .._target import Term
from . import files, resume, sweeps, waiting
from .bars import Bars
from .catalog import Catalog
from .crop import boxes
from .exemplars import not_an_index
from .judge import Judge
from .output import Kept, Output, sheet
from .parser import Arguments
from .plan import Aim, Wish, aims, plan
from .printing import DONE, FAILED, INTERRUPTED, complain
from .rank import best
from .results_table import ResultsTable

# Requests that are with the server at once: as many as its largest batch has rows, unless it is set otherwise.
CONCURRENCY = 64


def run(client: Client, arguments: Arguments) -> int:
    """Draw what is asked for, write each picture when it is ready, and tell what went wrong."""
    if not arguments.targets and not arguments.replay and arguments.exemplars and ":" in arguments.exemplars:
        raise InvalidRequestError(f"--exemplars takes {arguments.exemplars} for the name of an index: write it after the targets")
    if bool(arguments.targets) == bool(arguments.replay):
        raise InvalidRequestError("name at least one target, such as alexnet64:fc8:lemon, or a recipe to --replay, not both")
    if arguments.replay:
        return _replay(client, arguments)
    return draw(client, arguments, aims(arguments))


def draw(client: Client, arguments: Arguments, wanted: Sequence[Aim], extra: Sequence[Kept] = ()) -> int:
    """Draw targets as the arguments say, write each picture when it is ready, after those of `extra`; tell what went wrong."""
    _check(arguments)
    wishes = plan(client, arguments, wanted)
    groups, seeds = ({getattr(wish, name) for wish in wishes} for name in ("group", "seed"))
    kept = (2 if arguments.judge else 1) if arguments.rank else len(seeds)
    targets = list({wish.name: wish.terms for wish in wishes}.values())
    output = opened(client, arguments, targets, several=len(groups) * kept + len(extra) > 1)
    output.several = len(wishes) + len(extra) > 1
    judge = Judge(client, output.catalog, arguments.judge, targets) if arguments.judge else None
    for one in extra:
        output.keep(one)
    left = _left(wishes, output) if arguments.skip_existing else wishes
    interrupted = drawn(client, left, output, judge)
    _finish(output)
    if interrupted:
        finished = len(output.kept)
        complain(f"stopped: {finished} of {len(left)} pictures are finished and kept; the same command with --skip-existing draws the rest")
        return INTERRUPTED
    return output.code


def opened(client: Client, arguments: Arguments, targets: Sequence[tuple[Term, ...]], *, several: bool) -> Output:
    """Where pictures of the targets go; `several`: more than one file is written.

    Raises:
        InvalidRequestError: They have no place to go.
    """
    _check_output(arguments, several=several)
    table = None if arguments.table is None else ResultsTable(Path(arguments.table), keep=arguments.skip_existing)
    output = Output(arguments, Catalog(client, arguments.timeout), print, complain, table, several=several)
    if arguments.crop_to_field:
        output.boxes = boxes(output.catalog, list(targets), complain)
    if arguments.output is not None and files.is_folder(arguments.output):
        Path(arguments.output).mkdir(parents=True, exist_ok=True)
    return output


def closed(output: Output, wanted: int) -> int:
    """Tell what repeated and write the sheet of pictures drawn one after another; the exit code."""
    _finish(output)
    if len(output.kept) < wanted:
        complain(f"stopped: {len(output.kept)} of {wanted} pictures are finished and kept")
        return max(output.code, FAILED)
    return output.code


def drawn(client: Client, wishes: Sequence[Wish], output: Output, judge: Judge | None = None) -> bool:
    """Draw, and write as pictures come; whether Ctrl-C ended it."""
    sets = _Sets(wishes, output, judge)
    timeout = output.arguments.timeout
    coming = client._calls.drawings([wish.request for wish in wishes], timeout, CONCURRENCY)
    names = [" ".join(filter(None, (wish.name, sweeps.described(wish.setting)))) for wish in wishes]
    with Bars(names, sys.stderr, quiet=output.arguments.quiet) as bars, closing(coming):
        output.say = bars.line
        output.complain = lambda text: bars.line(f"dgnam: {text}", sys.stderr)
        try:
            for index, what in coming:
                if isinstance(what, Done):
                    bars.finished(index, failed=isinstance(what.outcome, DgnamError))
                    sets.take(wishes[index], what.outcome)
                else:
                    bars(index, what)
        except KeyboardInterrupt:
            return True
        finally:
            output.say, output.complain = print, complain
    return False


class _Sets:
    """The draws of each group, until all of them are there and the best can be chosen; without --rank, each draw is kept."""

    def __init__(self, wishes: Sequence[Wish], output: Output, judge: Judge | None) -> None:
        self._output, self._judge = output, judge
        self._missing: dict[int, int] = {}
        self._drawn: dict[int, list[Kept]] = {}
        for wish in wishes:
            self._missing[wish.group] = self._missing.get(wish.group, 0) + 1

    def take(self, wish: Wish, outcome: Result | list[Result] | DgnamError) -> None:
        """A draw is there, or will not be."""
        if isinstance(outcome, Result):
            one = Kept(wish, outcome, self._judged(wish, outcome))
            if not self._output.arguments.rank:
                self._output.keep(one)
                return
            self._drawn.setdefault(wish.group, []).append(one)
        elif isinstance(outcome, DgnamError):
            self._output.fail(wish, outcome)
        self._missing[wish.group] -= 1
        drawn = self._drawn.get(wish.group, [])
        if self._missing[wish.group] or not drawn:
            return
        kept = best(drawn, self._output.arguments.judge, len(drawn))
        for one in drawn:
            if one.wish not in [other.wish for other in kept]:
                self._output.enter(one.wish, one.result, None, one.judged)
        for one in kept:
            self._output.keep(one)
        del self._drawn[wish.group]

    def _judged(self, wish: Wish, result: Result) -> float | None:
        if self._judge is None:
            return None
        arguments = self._output.arguments
        try:
            return self._judge.probability(wish.terms, result, arguments.timeout, waiting.said(arguments))
        except DgnamError as error:
            self._output.fail(wish, f"no opinion of {self._judge.name}: {error}")
            return None


def _left(wishes: Sequence[Wish], output: Output) -> list[Wish]:
    """The pictures that are not there yet. One that is there and differs from what is asked for is told, and left alone."""
    left, there = [], 0
    groups: dict[int, list[Wish]] = {}
    for wish in wishes:
        groups.setdefault(wish.group if output.arguments.rank else len(groups), []).append(wish)
    for group in groups.values():
        paths = {wish.file: path for wish in group if (path := output.path(wish)) is not None and path.exists()}
        if not paths:
            left += group
            continue
        there += 1
        for wish in group:
            if wish.file in paths:
                _take_existing(wish, paths[wish.file], output)
    if there:
        complain(f"{there} of {len(groups)} pictures are there already, and left as they are")
    return left


def _take_existing(wish: Wish, path: Path, output: Output) -> None:
    if differ := resume.differences(path.with_suffix(".json"), wish.request):
        output.fail(
            wish,
            f"{path} is there, but was drawn otherwise ({', '.join(differ)}): write into another folder, or leave out --skip-existing",
            FAILED,
        )
    else:
        output.enter_existing(wish, path)


def _finish(output: Output) -> None:
    """Tell what repeated, rank a sweep, and write the sheet."""
    arguments, kept = output.arguments, output.kept
    output.told()
    if arguments.sweep and kept:
        quantities = {one.result.readout for one in kept}
        scored = [sweeps.Scored(one.wish.setting, one.result.activation, one.judged) for one in kept]
        print("\n".join(sweeps.ranking(scored, quantities.pop() if len(quantities) == 1 else "number", arguments.judge)))
        places = [setting for setting, *_ in sweeps.ranked(scored)]
        kept = sorted(kept, key=lambda one: (one.wish.name, places.index(one.wish.setting), one.wish.seed))
    else:
        kept = sorted(kept, key=lambda one: (one.wish.group, one.wish.seed))
    if arguments.grid is None or not kept:
        return
    path = Path(arguments.grid)
    columns = arguments.columns or (len({tuple(one.wish.setting.values()) for one in kept}) if arguments.sweep else None)
    try:
        sheet(kept, output, path, columns)
    except (OSError, ValueError) as error:
        complain(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}")
        output.code = max(output.code, FAILED)
    else:
        print(f"{path}  {len(kept)} pictures")


def _replay(client: Client, arguments: Arguments) -> int:
    waits = waiting.said(arguments)
    names = SynthesisOptions.__annotations__.keys() - waits.keys()
    options = [getattr(arguments, name) for name in names if hasattr(arguments, name)]
    beside = (*options, arguments.variants, arguments.rank, arguments.direction, arguments.features, arguments.exemplars)
    if arguments.tuned or arguments.sweep or any(value is not None for value in beside):
        raise InvalidRequestError("a recipe holds all options: leave them out beside --replay")
    recipe = Recipe.load(arguments.replay)
    _check_output(arguments, several=False)
    with Bars([recipe.target], sys.stderr, quiet=arguments.quiet) as bars:
        result = client.replay(recipe, timeout=arguments.timeout, on_progress=partial(bars, 0), **waits)
    path = Path(arguments.output) if arguments.output and not files.is_folder(arguments.output) else None
    if path is None:
        path = Path(arguments.output or ".") / f"{Path(arguments.replay).stem}-again.png"
        path.parent.mkdir(parents=True, exist_ok=True)
    result.save(path, recipe=not arguments.no_recipe, code=arguments.code, history=arguments.history)
    print(f"{path}  {result.readout} {result.activation:.4g}, {result.steps} steps, seed {result.recipe.seed}")
    for line in recipe.differences(result.recipe):
        complain(f"the picture may differ from the recipe's: {line}")
    return DONE


def _check(arguments: Arguments) -> None:
    """What can be told without the server."""
    wrong = []
    for name in ("variants", "rank", "columns"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            wrong.append(f"--{name}: {value} is less than 1")
    if arguments.rank is not None and arguments.variants is not None:
        wrong.append("--rank draws the seeds that --variants would, and keeps the best: leave one of the two out")
    if arguments.exemplars is not None and arguments.grid is not None and arguments.output is None:
        wrong.append("--exemplars writes a sheet beside each picture: say with -o where pictures go")
    if arguments.exemplars is not None and (why := not_an_index(arguments.exemplars)):
        wrong.append(f"--exemplars {arguments.exemplars}: {why}")
    if arguments.columns is not None and arguments.grid is None:
        wrong.append("--columns is of the sheet: name its file with --grid")
    if arguments.seed is not None and arguments.seed < 0:
        wrong.append(f"seed: {arguments.seed} is not an integer from 0 to 2^64 - 1")
    if wrong:
        raise InvalidRequestError("; ".join(wrong))


def _check_output(arguments: Arguments, *, several: bool) -> None:
    # The folder of the pictures is made where it is missing, and what lies beside them may lie in it.
    made = Path(arguments.output) if arguments.output is not None and files.is_folder(arguments.output) else None
    for text in (arguments.output, arguments.grid, arguments.table):
        if text is not None and Path(text).parent != made:
            files.check_folder(text)
    suffix = "" if arguments.output is None or files.is_folder(arguments.output) else Path(arguments.output).suffix.lower()
    if arguments.alpha and suffix not in ("", ".png", ".webp"):
        raise InvalidRequestError(f"--alpha: {suffix} files have no transparency: end the name in .png or .webp")
    if arguments.grid is not None and Path(arguments.grid).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidRequestError(f"--grid {arguments.grid}: end the name in .png, .jpg or .webp")
    if several:
        files.check_several(arguments.output, f" or --grid {arguments.output}")
