"""Where `dgnam synth` puts its pictures: each is written, told and entered in the table as soon as it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._errors import DgnamError, UnavailableError
from .._file import write_file
from .._receptive_field import Box
from .._result import Result
from . import sweeps, waiting
from .catalog import Catalog
from .crop import cropped
from .exemplars import beside_exemplars
from .parser import Arguments
from .plan import Wish
from .printing import DONE, FAILED, exit_code
from .results_table import ResultsTable, Row


@dataclass(frozen=True)
class Kept:
    """A picture to keep: the wish, its picture, what the judge reads, and why it was chosen among others."""

    wish: Wish
    result: Result
    judged: float | None = None
    why: str = ""


@dataclass(eq=False)
class Output:
    """What is written and told.

    Attributes:
        say: Prints a line.
        complain: Prints a line about what went wrong.
        table: The table of results, where one is asked for.
        boxes: For each target the pixels to keep; empty: all.
        several: Whether more than one picture is asked for, so that what goes wrong is told with the picture's name.
        whole: Whether the pictures kept stay in memory though no sheet is asked for.
        code: The exit code so far.
        kept: The pictures so far.
    """

    arguments: Arguments
    catalog: Catalog
    say: Callable[[str], object]
    complain: Callable[[str], object]
    table: ResultsTable | None = None
    boxes: dict[Any, Box | None] = field(default_factory=dict)
    several: bool = False
    whole: bool = False
    code: int = DONE
    kept: list[Kept] = field(default_factory=list)
    _said: Counter[str] = field(default_factory=Counter)

    def path(self, wish: Wish) -> Path | None:
        """Where a picture goes; None where only the sheet is asked for."""
        output = self.arguments.output
        if output is None and self.arguments.grid is not None:
            return None
        if output is not None and not _is_folder(output):
            return Path(output)
        return Path(output or ".") / f"{wish.file}.png"

    def keep(self, one: Kept) -> None:
        """Write a picture and tell of it. What cannot be written is told, and stops nothing."""
        path, box = self.path(one.wish), None
        try:
            box = cropped(self.catalog, one.wish.terms, self.boxes.get(one.wish.terms), one.result)
            if path is not None:
                save = {"recipe": not self.arguments.no_recipe, "code": self.arguments.code, "history": self.arguments.history}
                save["alpha"] = self.arguments.alpha
                one.result.save(path, **save, box=box)
                self.say(f"{path}  {_told(one)}")
                if self.arguments.exemplars is not None:
                    self._write_exemplars(one, path)
                if one.result.remark:
                    self.complain(f"{path}: {one.result.remark}{_advice(one.result)}")
        except (OSError, ValueError) as error:
            self.fail(one.wish, f"{path} cannot be written: {getattr(error, 'strerror', None) or error}", FAILED)
            path = None
        if path is None and self.arguments.grid is None:
            return
        self.kept.append(one if self.whole or self.arguments.grid else Kept(one.wish, _small(one.result), one.judged, one.why))
        self.enter(one.wish, one.result, path, one.judged, one.why)

    def _write_exemplars(self, one: Kept, path: Path) -> None:
        """Write the picture beside the photographs that excite its units most."""
        from .._sheet import encode

        beside = path.with_name(f"{path.stem}.exemplars.png")
        try:
            index, waits = self.arguments.exemplars or None, waiting.said(self.arguments)
            write_file(beside, encode(beside_exemplars(self.catalog, one.result, index, waits), "PNG"))
            self.say(f"{beside}  its units' strongest photographs beside it")
        except DgnamError as error:  # the picture is drawn all the same
            self._complain_once(one.wish.name, f"no photographs beside it: {error}", exit_code(error))

    def enter(self, wish: Wish, result: Result | None, path: Path | None, judged: float | None = None, why: str = "") -> None:
        """Enter a picture in the table, or that there is none."""
        row = self._row(wish, path)
        row["ending"] = "failed" if result is None else result.ending
        if result is not None:
            row |= {"method": result.recipe.method, "activation": result.activation, "readout": result.readout}
            row |= {f"activation_{n}": value for n, value in enumerate(result.term_activations, 1)}
        row |= {"judge": self.arguments.judge, "judge_probability": judged} if self.arguments.judge else {}
        row |= {"kept": why} if self.arguments.rank else {}
        self._put(row)

    def enter_existing(self, wish: Wish, path: Path) -> None:
        """Enter a picture that was there before, unless the table has it; what it reached is not known then."""
        row = self._row(wish, path)
        if self.table is not None and not self.table.has(row):
            self._put({**row, "ending": "drawn before"})

    def _row(self, wish: Wish, path: Path | None) -> Row:
        """What is known of a picture before it is drawn; the columns that every row has."""
        if self.table is None:
            return {}
        return {
            "address": wish.name,
            "label": " + ".join(self.catalog.label(term.unit) for term in wish.terms),
            "seed": wish.seed,
            "setting": sweeps.described(wish.setting),
            "method": "",
            "activation": None,
            "activation_1": None,
            "readout": "",
            "ending": "",
            "file": "" if path is None else str(path),
            "recipe": "" if path is None or self.arguments.no_recipe else str(path.with_suffix(".json")),
        }

    def _put(self, row: Row) -> None:
        if self.table is None:
            return
        try:
            self.table.put(row)
        except (OSError, ValueError) as error:
            self._complain_once("", f"{self.table.path} cannot be written: {getattr(error, 'strerror', None) or error}", FAILED)

    def fail(self, wish: Wish, error: DgnamError | str, code: int | None = None) -> None:
        """Tell that a picture could not be drawn or written."""
        # That nobody answers has nothing to do with this picture.
        name = "" if isinstance(error, UnavailableError) else wish.name
        self._complain_once(name, str(error), exit_code(error) if isinstance(error, DgnamError) else code or FAILED)
        self.enter(wish, None, None)

    def told(self) -> None:
        """Tell how often what went wrong did so again."""
        for text, count in self._said.items():
            if count > 1:
                more = f"{count - 1} more picture{'s' if count > 2 else ''}"
                self.complain(f"the same of {more}" + ("" if len(self._said) == 1 else f": {text.splitlines()[0]}"))

    def _complain_once(self, name: str, text: str, code: int) -> None:
        self.code = max(self.code, code)
        self._said[text] += 1
        if self._said[text] == 1:
            self.complain(f"{name}: {text}" if name and self.several else text)


def sheet(kept: Sequence[Kept], output: Output, path: Path, columns: int | None) -> None:
    """Write the pictures, with captions, on one sheet."""
    from PIL import Image

    from .._file import write_file
    from .._sheet import caption, contact_sheet, encode

    pictures, captions = [], []
    for one in kept:
        box = cropped(output.catalog, one.wish.terms, output.boxes.get(one.wish.terms), one.result)
        image = one.result.image
        pictures.append(image if box is None else image.crop((box.left, box.top, box.right, box.bottom)))
        judged = [] if one.judged is None else [f"{output.arguments.judge}: {one.judged:.1%}"]
        extra = [text for text in (sweeps.described(one.wish.setting), one.why) if text]
        captions.append([*caption(one.result), *judged, *extra])
    write_file(path, encode(contact_sheet(pictures, captions, columns=columns), Image.registered_extensions()[path.suffix.lower()]))


def _told(one: Kept) -> str:
    result = one.result
    facts = [f"{result.readout} {result.activation:.4g}", f"{result.steps} steps", f"seed {result.recipe.seed}"]
    facts += [str(result.percentiles[0])] if len(result.percentiles) == 1 else []
    facts += [sweeps.described(one.wish.setting)] if one.wish.setting else []
    facts += [] if one.judged is None else [f"judge {one.judged:.1%}"]
    facts += [one.why] if one.why else []
    return ", ".join(facts)


def _advice(result: Result) -> str:
    """What to do about a picture without a gradient, or one of whose terms has none; empty for others."""
    if result.ending != "no-gradient" and not result.silent_terms:
        return ""
    why = "its unit is silent or saturated for every picture seen, or its function has no slope"
    wake = f"an option that wakes silent units, where `dgnam methods {result.recipe.method}` has one"
    return f", as {why}: try a tap before it, another --seed, a --start, or {wake}"


def _small(result: Result) -> Result:
    """The result without its pictures, for hundreds of which there may be no room."""
    from dataclasses import replace

    return replace(result, sent={})


def _is_folder(text: str) -> bool:
    from .files import is_folder

    return is_folder(text)
