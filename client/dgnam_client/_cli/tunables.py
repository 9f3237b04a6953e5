"""A method's own options on the command line: told apart from the fixed ones, checked against the server's list, and explained."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .._errors import DgnamError, InvalidRequestError, NotFoundError
from .printing import DONE, complain, table

if TYPE_CHECKING:
    from .._catalog import Method, Option
    from .._client import Client
    from .parser import Arguments


def split(given: Sequence[str], fixed: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The arguments without those `--options` that are not fixed, and these by name: a method's, which the server knows."""
    rest, tuned, left = [], {}, list(given)
    while left:
        text = left.pop(0)
        flag, equals, value = text.partition("=")
        if not flag.startswith("--") or flag == "--" or flag in fixed:
            rest.append(text)
        else:
            tuned[flag[2:].replace("-", "_")] = value if equals else left.pop(0) if left else ""
    return rest, tuned


def find(methods: Iterable[Method], name: str) -> Method:
    """The method of that name.

    Raises:
        NotFoundError: There is none.
    """
    methods = list(methods)
    names = [method.name for method in methods]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise NotFoundError(f"there is no method {name!r}: " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"))
    return next(method for method in methods if method.name == name)


def values(tuned: dict[str, str], method: Method, methods: Iterable[Method], fixed: Sequence[str]) -> dict[str, float]:
    """The values of a method's options.

    Raises:
        InvalidRequestError: The method has no such option, or a value is not a number.
    """
    known = {option.name for option in method.options}
    wrong = [_unknown(name, method, methods, fixed) for name in tuned if name not in known]
    numbers = {}
    for name, text in tuned.items():
        try:
            numbers[name] = float(text)
        except ValueError:
            if name in known:
                wrong.append(f"{flag(name)}: {text!r} is not a number" if text else f"{flag(name)}: a number must follow")
    if wrong:
        raise InvalidRequestError("; ".join(wrong))
    return numbers


def flag(name: str) -> str:
    """An option as the command line has it."""
    return f"--{name.replace('_', '-')}"


def run(client: Client, arguments: Arguments) -> int:
    """Explain the options of the method that is named: the end of `dgnam synth --method NAME --help`."""
    try:
        methods = client.methods(timeout=arguments.timeout)
    except DgnamError as error:
        complain(f"the options of {arguments.method} are not listed: {error}")
        return DONE
    method = find(methods, arguments.method)
    print(f"options of {method.name}:")
    print("\n".join(lines(method.options)))
    return DONE


def lines(options: Iterable[Option]) -> list[str]:
    """The options of a method as a table, those of each part together."""
    options = list(options)
    parts = dict.fromkeys(option.part for option in options)
    sorted_options = [option for part in parts for option in options if option.part == part]
    rows = [(f"  {flag(option.name)}", _range(option), _default(option), option.part, option.description) for option in sorted_options]
    return table(("  OPTION", "RANGE", "DEFAULT", "PART", ""), rows)


def _unknown(name: str, method: Method, methods: Iterable[Method], fixed: Sequence[str]) -> str:
    having = [other.name for other in methods if any(option.name == name for option in other.options)]
    if having:
        return f"{flag(name)} is not an option of {method.name}, but of {', '.join(having)}"
    names = [text.removeprefix("--").replace("-", "_") for text in fixed] + [option.name for option in method.options]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {flag(near[0])}?" if near else f"`dgnam methods {method.name}` lists them"
    return f"{flag(name)} is not an option of {method.name}: {hint}"


def _range(option: Option) -> str:
    return f"{option.minimum:g} to {option.maximum:g}" + (", integer" if option.integer else "")


def _default(option: Option) -> str:
    if option.default is not None:
        return f"{option.default:g}"
    return f"as {flag(option.name.removeprefix('end_'))}" if option.name.startswith("end_") else "the prior's"
