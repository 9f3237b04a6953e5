"""The `dgnam` command. The only place of this package that prints."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, get_args

from . import __version__, _result, _types, _wire
from ._channel import DEFAULT_SERVER
from ._client import Client
from ._errors import DgnamError, InvalidRequestError, NotFoundError
from ._target import Balance, Direction, Features, Readout, TargetLike, Unit, parse_target

if TYPE_CHECKING:
    from tqdm import tqdm

DONE, FAILED, BAD_REQUEST, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = "Pictures of what a neuron prefers, drawn by a dgnam server."
EXAMPLES = """\
examples:
  dgnam doctor                                    is everything in order?
  dgnam models                                    what can be looked at
  dgnam units alexnet64 --filter lem              its units' names
  dgnam synth alexnet64:fc8:lemon -o lemon.png    one picture, and its recipe in lemon.json

The server is --server, else the environment's DGNAM_SERVER, else {server}.
DGNAM_TOKEN holds the token of a server that wants one. `dgnam COMMAND --help` tells more.
"""
SYNTH_EXAMPLES = """\
A target is model:tap:unit. The unit is a label or an index; @y,x after it is a place in a convolutional tap.
Each target becomes a picture; + between addresses puts several units into one, and 0.5* in front weighs one.

examples:
  dgnam synth alexnet64:fc8:lemon -o lemon.png
  dgnam synth alexnet64:fc8:lemon alexnet64:fc8:teapot -o pictures/ --grid sheet.png
  dgnam synth "alexnet64:fc8:lemon+0.5*alexnet64:fc8:teapot" --seed 7
  dgnam synth alexnet64:conv5:12@6,6 --steps 400 --variants 4
  dgnam synth alexnet64:fc8:lemon --method pyramid --octaves 4 -o lemon.png
  dgnam synth alexnet64:conv3 --features photo.jpg --method pyramid -o again.png
  dgnam synth --replay lemon.json -o again.png

With a --method that optimizes pixels, every option that `dgnam methods` lists for it may be given.
Without -o, pictures go to the current folder under names made from their targets; with --grid alone, only the sheet is written.
Ctrl-C stops the server's work too.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments; default: those of the process.

    Returns:
        0 if all went well, 2 for a request that cannot be met as it is, 1 for other failures, 130 after Ctrl-C.
    """
    given = sys.argv[1:] if argv is None else argv
    parser, own = _parser()
    given, of_method = _split_off(given, own) if given[:1] == ["synth"] else (given, {})
    # A weight may be negative, and argparse would take it for an option; none of ours starts with a digit.
    arguments = parser.parse_args([f" {text}" if re.match(r"-[\d.]", text) else text for text in given])
    arguments.of_method = of_method
    try:
        with Client(arguments.server, ca_file=arguments.ca_file, cert_file=arguments.cert_file, key_file=arguments.key_file) as client:
            code: int = arguments.run(client, arguments)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        _complain("stopped")
        return INTERRUPTED
    except DgnamError as error:
        _complain(str(error))
        return _exit_code(error)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would complain about the rest when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (OSError, ValueError) as error:
        _complain(str(error))
        return FAILED


def _split_off(given: Sequence[str], own: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The arguments without those `--options` that this command does not know, and these: a method's, which the server knows."""
    rest, found, left = [], {}, list(given)
    while left:
        text = left.pop(0)
        name, equals, value = text.partition("=")
        if not name.startswith("--") or name == "--" or any(known.startswith(name) for known in own):
            rest.append(text)
        else:
            found[name[2:].replace("-", "_")] = value if equals else left.pop(0) if left else ""
    return rest, found


def _parser() -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser, and the options that `synth` itself knows."""
    connection = argparse.ArgumentParser(add_help=False)
    group = connection.add_argument_group("connection")
    group.add_argument(
        "--server", metavar="URL", help=f"grpc://host:port, or grpcs:// for TLS (default: $DGNAM_SERVER, else {DEFAULT_SERVER})"
    )
    group.add_argument("--ca-file", metavar="PEM", help="certificates to trust in place of the system's")
    group.add_argument("--cert-file", metavar="PEM", help="this client's certificate, where the server asks for one")
    group.add_argument("--key-file", metavar="PEM", help="its key")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="give up after so long (default: 600 for a picture, 10 for others)")

    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("dgnam", description=DESCRIPTION, epilog=EXAMPLES.format(server=DEFAULT_SERVER), formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"dgnam {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Client, argparse.Namespace], int], help: str, epilog: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help, epilog=epilog, parents=[connection], formatter_class=plain)
        added.set_defaults(run=run)
        return added

    synth = command("synth", _synth, "Draw what units prefer.", SYNTH_EXAMPLES)
    synth.add_argument("targets", nargs="*", metavar="TARGET", help="model:tap:unit, or several joined by +")
    synth.add_argument("-o", "--output", metavar="PATH", help="a picture's file (.png, .npy, .jpg, .webp), or a folder for several")
    synth.add_argument("--grid", metavar="FILE", help="also write all pictures, with names and activations, on one sheet")
    synth.add_argument("--replay", metavar="RECIPE", help="draw the picture of a recipe file again")
    synth.add_argument("--no-recipe", action="store_true", help="write no .json beside a picture")
    synth.add_argument("--quiet", action="store_true", help="no progress bars")
    whole = synth.add_mutually_exclusive_group()
    whole.add_argument("--direction", metavar="FILE.npy", help="targets are taps, model:tap: a weight for each unit, or each channel")
    whole.add_argument("--features", metavar="PICTURE", help="targets are taps, model:tap: what it cannot tell from this picture")
    options = synth.add_argument_group("synthesis", "What is not given is the server's default: see `dgnam methods`.")
    options.add_argument("--prior", help="the trained generator that draws")
    options.add_argument("--size", type=int, metavar="PX", help="side of a picture that is optimized without a prior")
    options.add_argument("--method", help="the procedure")
    options.add_argument("--steps", type=int)
    options.add_argument("--start-learning-rate", type=float, metavar="RATE")
    options.add_argument("--end-learning-rate", type=float, metavar="RATE")
    options.add_argument("--decay", type=float, help="share by which the code shrinks at each step")
    options.add_argument("--bound-multiplier", type=float, metavar="FACTOR", help="bound of a code unit, in standard deviations")
    options.add_argument("--reconstruction-weight", type=float, metavar="SHARE", help="of the way to the code's reconstruction (ppgn)")
    options.add_argument("--langevin-noise", type=float, metavar="SD", help="noise that each step adds to the code (ppgn)")
    options.add_argument("--end-langevin-noise", type=float, metavar="SD", help="where it goes linearly")
    options.add_argument("--noise-level", type=float, metavar="SD", help="noise that the code starts with (diffusion)")
    options.add_argument("--end-noise-level", type=float, metavar="SD", help="what it falls to")
    options.add_argument("--churn", type=float, metavar="SHARE", help="of that noise replaced by new at each step (diffusion)")
    options.add_argument("--seed", type=int, help="another seed, another picture")
    options.add_argument("--variants", type=int, help="so many pictures of each target, from seeds in a row")
    options.add_argument("--start", metavar="FILE", help="start from this picture")
    options.add_argument("--determinism", choices=get_args(_types.Determinism), help="strict: the same bits each time, more slowly")
    options.add_argument("--balance", choices=get_args(Balance), help="how several units are brought together")
    options.add_argument("--readout", choices=get_args(Readout), help="what is read off a unit")

    own = [text for action in synth._actions for text in action.option_strings]

    models = command("models", _models, "List the server's models, or tell all about one.")
    models.add_argument("name", nargs="?", metavar="NAME")
    units = command("units", _units, "List the units that can be targets.", "example:\n  dgnam units alexnet64:fc8 --filter lem\n")
    units.add_argument("place", metavar="MODEL[:TAP]", help="without a tap: the one whose units have labels")
    units.add_argument("--filter", metavar="TEXT", help="only labels that contain this")
    methods = command("methods", _methods, "List the methods and their options, or tell about one.")
    methods.add_argument("name", nargs="?", metavar="NAME")
    for listing in (models, units, methods):
        listing.add_argument("--json", action="store_true", help="print JSON")
    command("doctor", _doctor, "Check the way from here to a picture, step by step.")
    return parser, own


def _synth(client: Client, arguments: argparse.Namespace) -> int:
    if bool(arguments.targets) == bool(arguments.replay):
        raise InvalidRequestError("name at least one target, such as alexnet64:fc8:lemon, or else a recipe to --replay")
    targets = _targets(arguments)
    names = ["+".join(map(str, parse_target(target))) for target in targets]
    variants = arguments.variants
    options = {name: getattr(arguments, name) for name in _types.SynthesisOptions.__annotations__ if hasattr(arguments, name)}
    if arguments.replay:
        beside = (*options.values(), arguments.size, arguments.direction, arguments.features)
        if variants is not None or arguments.of_method or any(value is not None for value in beside):
            raise InvalidRequestError("a recipe holds all options: leave them out beside --replay")
        recipe = _wire.read_recipe(arguments.replay)
        names = [recipe.target]
    method = None if arguments.replay else _pixel_method(client, arguments, options)
    _check_output(arguments, several=len(names) * (variants or 1) > 1)

    outcomes: Sequence[_result.Result | list[_result.Result] | DgnamError]
    with _Bars(names, variants or 1, sys.stderr, quiet=arguments.quiet) as bars:
        if arguments.replay:
            outcomes = [client.replay(recipe, timeout=arguments.timeout, on_progress=lambda event: bars(0, event))]
        elif method is not None:
            outcomes = client.synthesize_pixels_many(targets, variants=variants, timeout=arguments.timeout, on_progress=bars, **method)
        else:
            outcomes = client.synthesize_many(targets, variants=variants, timeout=arguments.timeout, on_progress=bars, **options)

    results = [result for outcome in outcomes if not isinstance(outcome, DgnamError) for result in _listed(outcome)]
    _write(results, arguments)
    if arguments.replay:
        for line in recipe.differences(results[0].recipe):
            _complain(f"the picture may differ from the recipe's: {line}")
    return _report(names, outcomes)


def _targets(arguments: argparse.Namespace) -> list[TargetLike]:
    """What the pictures are of.

    Raises:
        InvalidRequestError: A target that is a tap, or none, where it should not be; or the direction's file cannot be read.
    """
    if arguments.direction is None and arguments.features is None:
        return list(arguments.targets)
    option = "--features" if arguments.direction is None else "--direction"
    places = [[part.strip() for part in text.split(":")] for text in arguments.targets]
    wrong = [text for text, parts in zip(arguments.targets, places, strict=True) if len(parts) != 2 or not all(parts)]
    if wrong:
        raise InvalidRequestError(f"beside {option} a target is a whole tap, such as alexnet64:conv3, not {', '.join(wrong)}")
    whole = Features(arguments.features) if arguments.direction is None else Direction(_vector(arguments.direction))
    return [Unit(model, tap, whole) for model, tap in places]


def _vector(file: str) -> Any:
    import numpy as np

    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"--direction {file}: it cannot be read as an array that numpy.save wrote ({error})") from error


def _pixel_method(client: Client, arguments: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any] | None:
    """What to tell `synthesize_pixels` where the method is one of its own; None: it is `synthesize` that is asked for.

    Raises:
        InvalidRequestError: An option that has no place in this call, or is no number.
    """
    if arguments.method is None and not arguments.of_method and arguments.size is None:
        return None  # no need to ask
    methods = client.methods(timeout=arguments.timeout)
    named = arguments.method or methods.default_method
    method = next((method for method in methods if method.name == named), None)
    if method is None or not method.pixels:
        stray = ["size"] * (arguments.size is not None) + list(arguments.of_method)
        for name in stray:
            having = [other.name for other in methods if other.pixels and (name == "size" or any(o.name == name for o in other.options))]
            whose = f"it belongs to {', '.join(having)}" if having else "no method has it; `dgnam methods` lists what there is"
            raise InvalidRequestError(f"--{name.replace('_', '-')} is no option of {named}: {whose}")
        return None
    if arguments.prior is not None:
        raise InvalidRequestError(f"--prior is no option of {named}, which draws without a prior: leave it out")
    told = {name: value for name, value in options.items() if value is not None and name != "prior"}
    return {**told, "size": arguments.size, **{name: _number(name, text) for name, text in arguments.of_method.items()}}


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequestError(f"--{name.replace('_', '-')} wants a number, but got {text!r}") from None


def _listed(outcome: _result.Result | list[_result.Result]) -> list[_result.Result]:
    return outcome if isinstance(outcome, list) else [outcome]


def _check_output(arguments: argparse.Namespace, *, several: bool) -> None:
    """Find out before the work, not after it, whether the pictures have a place to go."""
    for text in (arguments.output, arguments.grid):
        if text is not None and not _is_folder(text) and not Path(text).parent.is_dir():
            raise InvalidRequestError(f"there is no folder {Path(text).parent} to write {Path(text).name} into: make it first")
    if arguments.grid is not None and Path(arguments.grid).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidRequestError(f"--grid {arguments.grid}: end the name in .png, .jpg or .webp")
    if several and arguments.output is not None and not _is_folder(arguments.output):
        raise InvalidRequestError(
            f"several pictures do not go into one file: write -o {Path(arguments.output).with_suffix('')}/ or --grid {arguments.output}"
        )


def _is_folder(text: str) -> bool:
    return text.endswith(("/", os.sep)) or Path(text).is_dir() or not Path(text).suffix


def _write(results: list[_result.Result], arguments: argparse.Namespace) -> None:
    if not results:
        return
    if arguments.output is not None and not _is_folder(arguments.output):
        paths = [Path(arguments.output)]
    elif arguments.output is not None or arguments.grid is None:
        folder = Path(arguments.output or ".")
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.png" for name in _file_names(results)]
    else:
        paths = []
    for path, result in zip(paths, results, strict=False):
        result.save(path, recipe=not arguments.no_recipe)
        print(f"{path}  activation {result.activation:.4g}, {len(result.history)} steps, seed {result.recipe.seed}")
    if arguments.grid is not None:
        from PIL import Image

        from ._sheet import contact_sheet, encode

        sheet = Path(arguments.grid)
        _result.write_file(sheet, encode(contact_sheet(results), Image.registered_extensions()[sheet.suffix.lower()]))
        print(f"{sheet}  {len(results)} pictures")


def _file_names(results: Iterable[_result.Result]) -> list[str]:
    """A name for each picture, from target and seed; never the same twice."""
    names: list[str] = []
    for result in results:
        stem = re.sub(r"[^\w.+-]+", "-", result.recipe.target).strip("-.")[:120]
        wished = [stem, f"{stem}-seed{result.recipe.seed}"]
        wished += [f"{wished[1]}-{number}" for number in range(2, len(names) + 3)]
        names.append(next(name for name in wished if name not in names))
    return names


def _report(names: list[str], outcomes: Sequence[object]) -> int:
    errors = {name: outcome for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, DgnamError)}
    if len(errors) > 1 and len({str(error) for error in errors.values()}) == 1 and len(errors) == len(set(names)):
        _complain(str(next(iter(errors.values()))))
    else:
        for name, error in errors.items():
            _complain(f"{name}: {error}" if len(names) > 1 else str(error))
    return max(map(_exit_code, errors.values()), default=DONE)


class _Bars:
    """A progress bar for each picture, on a terminal."""

    def __init__(self, names: list[str], variants: int, file: TextIO, *, quiet: bool) -> None:
        self._bars: dict[tuple[int, int], tqdm[Any]] = {}
        if quiet or not file.isatty():
            return
        from tqdm import tqdm

        width = max((len(name) for name in names), default=0)
        for index, name in enumerate(names):
            for variant in range(variants):
                self._bars[index, variant] = tqdm(
                    desc=name.ljust(width),
                    total=1,
                    position=len(self._bars),
                    file=file,
                    bar_format="{desc} {bar} {n_fmt}/{total_fmt} steps{postfix}",
                    dynamic_ncols=True,
                )

    def __call__(self, index: int, event: _result.Event) -> None:
        if not self._bars:
            return
        match event:
            case _result.Queued(position):
                for (bar_index, _), bar in self._bars.items():
                    if bar_index == index:
                        bar.set_postfix_str(f"waits behind {position}" if position else "next")
            case _result.Progress(moved):
                for picture in moved:
                    self._show(index, picture.variant, picture.step, picture.total_steps, picture.activation)
            case _result.Result(variant=variant, history=history, activation=activation):
                self._show(index, variant, len(history), len(history), activation)

    def _show(self, index: int, variant: int, step: int, total: int, activation: float) -> None:
        bar = self._bars.get((index, variant))
        if bar is not None:
            bar.total, bar.n = total, step
            bar.set_postfix_str(f"activation {activation:.4g}")

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for bar in self._bars.values():
            bar.close()


def _models(client: Client, arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        models = client.models(timeout=arguments.timeout)
        if arguments.json:
            return _print_json(models)
        sized = [
            (
                model.name,
                model.role,
                "{} x {}".format(*model.image_size),
                model.output_tap or "-",
                f"{model.description}; nothing can be drawn for it" if model.forward_only else model.description,
            )
            for model in models
        ]
        return _print_table(("MODEL", "ROLE", "PIXELS", "TAP", ""), sized)
    model = client.model(arguments.name, timeout=arguments.timeout)
    if arguments.json:
        return _print_json(model)
    facts = [("model", model.name), ("role", model.role), ("", model.description), ("architecture", model.architecture)]
    facts += [("pixels", "{} x {}".format(*model.image_size)), ("licence", model.licence), ("sha256", model.digest)]
    if model.forward_only:
        facts.append(("no pictures", f"its gradients cannot be used: {model.forward_only}"))
    if model.code is not None:
        facts.append(("code", f"{model.code.size} numbers: inverts {model.code.encoder} {model.code.tap}"))
    facts += [("tap", f"{tap.name} ({' x '.join(map(str, tap.shape))})") for tap in model.taps]
    if model.labels:
        facts.append(("labels", f"{len(model.labels)}, of {model.output_tap}: `dgnam units {model.name}` lists them"))
    facts += [("training", f"{name}: {value}") for name, value in (model.training or {}).items()]
    return _print_table((), facts)


def _units(client: Client, arguments: argparse.Namespace) -> int:
    model, _, tap = arguments.place.partition(":")
    units = client.units(model, tap or None, filter=arguments.filter, timeout=arguments.timeout)
    if arguments.json:
        return _print_json(units)
    if not units:
        _complain(
            f"no unit of {arguments.place} has {arguments.filter!r} in its label" if arguments.filter else f"{arguments.place} has no units"
        )
    return _print_table(("INDEX", "LABEL", "ADDRESS"), [(str(unit.index), unit.label or "-", unit.address) for unit in units])


def _methods(client: Client, arguments: argparse.Namespace) -> int:
    methods = client.methods(timeout=arguments.timeout)
    shown = [method for method in methods if arguments.name in (None, method.name)]
    if not shown:
        raise NotFoundError(f"there is no method {arguments.name!r}: there are {', '.join(method.name for method in methods)}")
    if arguments.json:
        return _print_json(methods if arguments.name is None else shown[0])
    for method in shown:
        default = " (default)" if method.name in (methods.default_method, methods.default_pixel_method) else ""
        default += ", of pixels" if method.pixels else ", with a prior"
        print(f"{method.name}{default}: {method.description}")
        if method.citation:
            print(f"  {method.citation}")
        rows = [
            (
                f"  --{option.name.replace('_', '-')}",
                f"{option.minimum:g} to {option.maximum:g}",
                _default(option),
                option.description,
            )
            for option in method.options
        ]
        _print_table(("  OPTION", "RANGE", "DEFAULT", ""), rows)
    print(f"default prior: {methods.default_prior}")
    return DONE


def _default(option: _types.Option) -> str:
    if option.default is not None:
        return f"{option.default:g}"
    return "the same" if option.name.startswith("end_") else "the prior's own"


def _doctor(client: Client, arguments: argparse.Namespace) -> int:
    from ._doctor import examine

    sound = True
    for finding in examine(client, arguments.timeout):
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<10}{finding.text}", flush=True)
        sound = sound and finding.ok
    return DONE if sound else FAILED


def _print_json(record: object) -> int:
    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        return [plain(item) for item in value] if isinstance(value, list) else value

    print(json.dumps(plain(record), indent=2, ensure_ascii=False))
    return DONE


def _print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> int:
    lines = [head, *rows] if head and rows else list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return DONE


def _exit_code(error: DgnamError) -> int:
    return BAD_REQUEST if isinstance(error, InvalidRequestError | NotFoundError) else FAILED


def _complain(text: str) -> None:
    print(f"dgnam: {text}", file=sys.stderr, flush=True)
