"""What `dgnam synth` draws: a wish for each picture, checked before anything is sent."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .._catalog import Methods
from .._client import Client
from .._errors import InvalidRequestError, NotFoundError
from .._options import SynthesisOptions
from .._recipe import Request
from .._target import TargetLike, Term, parse_target
from .._unit import Direction, Features, Unit
from .._wire.requests import CODE, PIXELS, Space, drawing_request
from . import addresses, files, names, sweeps, tunables
from .parser import Arguments
from .printing import complain


class Aim(NamedTuple):
    """A target with its name, as it was written, and where it starts, if not where the arguments say."""

    target: TargetLike
    name: str
    start: Any = None

    @classmethod
    def of(cls, target: TargetLike) -> Aim:
        """With the name that its terms' addresses give it."""
        return cls(target, "+".join(map(str, parse_target(target))))


@dataclass(frozen=True)
class Wish:
    """One picture to draw.

    Attributes:
        terms: Its target.
        name: The target as text.
        stem: The picture's file without seed and suffix.
        seed: Its seed.
        group: Pictures of one group differ in nothing but the seed.
        setting: The values of the options that are swept.
        request: What to send.
    """

    terms: tuple[Term, ...]
    name: str
    stem: str
    seed: int
    group: int
    setting: sweeps.Setting
    request: Request

    @property
    def file(self) -> str:
        """The name of the picture's file, without its suffix."""
        return f"{self.stem}-seed{self.seed}"


def plan(client: Client, arguments: Arguments, wanted: Sequence[Aim]) -> list[Wish]:
    """The pictures of the targets wanted, those of a group one after another.

    Raises:
        InvalidRequestError: Something in the arguments is wrong; everything that is.
        NotFoundError: There is no such method.
    """
    seeds = range(arguments.seed or 0, (arguments.seed or 0) + (arguments.rank or arguments.variants or 1))
    settings = sweeps.settings(arguments.sweep)
    asked = _asked(client, arguments, settings)
    parts = {"code": arguments.code, "image": _suffix(arguments) == ".npy", "alpha": arguments.alpha}
    include = {"png", "history", *(name for name, wanted in parts.items() if wanted)}
    wishes = []
    groups = [(aim, setting, *how) for aim in wanted for setting, how in zip(settings, asked, strict=True)]
    stems = names.stems([f"{aim.name} {sweeps.described(setting)}" for aim, setting, *_ in groups])
    for group, ((aim, setting, space, options), stem) in enumerate(zip(groups, stems, strict=True)):
        start = {} if aim.start is None else {"start": aim.start}
        request = drawing_request(space, aim.target, {**options, **start, "include": include})
        for seed in seeds:
            # Each picture is a request of its own: the server draws them together all the same, and each can be done without the others.
            own = copy.deepcopy(request)
            if arguments.seed is not None or seed:
                own.seed = seed
            wishes.append(Wish(parse_target(aim.target), aim.name, stem, seed, group, setting, own))
    return wishes


def aims(arguments: Arguments) -> list[Aim]:
    """What the pictures are of; each target once.

    Raises:
        InvalidRequestError: A target is a tap and should be a unit, or the other way round; or a file cannot be read.
    """
    texts = addresses.expand(arguments.targets)
    again = sorted({text for text in texts if texts.count(text) > 1}) if len(texts) < 1000 else []
    if again:
        complain(f"named twice, drawn once: {', '.join(again)}")
    texts = list(dict.fromkeys(texts))
    if arguments.direction is None and arguments.features is None:
        return [Aim.of(parse_target(text)) for text in texts]
    option, file = ("--features", arguments.features) if arguments.direction is None else ("--direction", arguments.direction)
    places = [[part.strip() for part in text.split(":")] for text in texts]
    wrong = [text for text, parts in zip(texts, places, strict=True) if len(parts) != 2 or not all(parts)]
    if wrong:
        raise InvalidRequestError(f"with {option} a target is a whole tap, such as alexnet64:conv3, not {', '.join(wrong)}")
    what = Features(file) if arguments.direction is None else Direction(files.read_array(file))
    return [Aim(Unit(model, tap, what), f"{model}:{tap}:{what} of {Path(file).stem}") for model, tap in places]


def _asked(client: Client, arguments: Arguments, settings: Sequence[sweeps.Setting]) -> list[tuple[Space, dict[str, Any]]]:
    """For each setting the call that draws, and its keywords; the server's list of methods is fetched where it is needed."""
    options = {name: getattr(arguments, name) for name in SynthesisOptions.__annotations__ if hasattr(arguments, name)}
    options.pop("seed")
    if isinstance(arguments.start, str) and Path(arguments.start).suffix.lower() == ".npy":
        options["start"] = files.read_array(arguments.start)
    if arguments.method is None and not arguments.tuned and arguments.size is None and settings == [{}]:
        return [(CODE, options)]  # no need to ask
    methods = client.methods(timeout=arguments.timeout)
    found, wrong = [], []
    for setting in settings:
        try:
            found.append(_of_setting(methods, arguments, options, setting))
        except (InvalidRequestError, NotFoundError) as error:
            if len(settings) == 1:
                raise
            wrong.append(error.message)
    if wrong:
        raise InvalidRequestError("; ".join(dict.fromkeys(wrong)))
    return found


def _of_setting(methods: Methods, arguments: Arguments, options: dict[str, Any], setting: sweeps.Setting) -> tuple[Space, dict[str, Any]]:
    words = {name: value for name, value in setting.items() if name in sweeps.SWEPT_WORDS}
    numbers = {name: value for name, value in setting.items() if name not in words}
    twice = [name for name in setting if options.get(name) is not None or name in arguments.tuned]
    if twice:
        raise InvalidRequestError(f"--sweep {twice[0]}: {twice[0]} is also given as an option: leave one of the two out")
    options = {**options, **words}
    if "size" in words:
        options["size"] = _side(words["size"])
    method = tunables.find(methods, options["method"] or methods.default_method)
    if options["prior"] is not None and method.pixels:
        having = ", ".join(other.name for other in methods if not other.pixels)
        raise InvalidRequestError(f"--prior is not an option of {method.name}, but of {having}")
    tuned = {**arguments.tuned, **numbers}
    return PIXELS if method.pixels else CODE, {**options, **tunables.values(tuned, method, methods, arguments.fixed)}


def _side(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidRequestError(f"--sweep size: {text!r} is not a number of pixels") from None


def _suffix(arguments: Arguments) -> str:
    return "" if arguments.output is None else Path(arguments.output).suffix.lower()
