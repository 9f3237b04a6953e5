"""`dgnam searches`."""

from __future__ import annotations

from .._client import Client
from .._errors import InvalidRequestError, NotFoundError
from .._search_state import SearchState
from . import files
from .parser import Arguments
from .printing import DONE, print_json, print_table


def run(client: Client, arguments: Arguments) -> int:
    """List the searches; or tell about one, write it to a file, or have it deleted."""
    if arguments.optimizers:
        return _optimizers(client, arguments)
    every = client.searches(timeout=arguments.timeout)
    if arguments.name is None:
        if arguments.export or arguments.delete:
            raise InvalidRequestError("--export and --delete are of one search: name it")
        return print_json(every) if arguments.json else _table(every)
    known = next((one for one in every if one.name == arguments.name), None)
    if known is None:
        raise NotFoundError(f"there is no search {arguments.name!r}; there are {', '.join(one.name for one in every) or 'none'}")
    if arguments.export is not None:
        files.check_folder(arguments.export)
        print(client.search(known.name, timeout=arguments.timeout).export(arguments.export))
    if arguments.delete:
        client.delete_search(known.name, timeout=arguments.timeout)
        return DONE
    if arguments.export is not None:
        return DONE
    state = client.search(known.name, timeout=arguments.timeout).state
    return print_json(state) if arguments.json else _about(state)


def _optimizers(client: Client, arguments: Arguments) -> int:
    listed = client.optimizers(timeout=arguments.timeout)
    if arguments.json:
        return print_json(listed)
    for one in listed:
        print(f"{one.name}: {one.description}\n  {one.citation}")
        rows = [(f"  {tunable.name}", f"{tunable.minimum:g} to {tunable.maximum:g}", f"{tunable.default:g}") for tunable in one.options]
        print_table(("  OPTION", "RANGE", "DEFAULT"), rows)
    return DONE


def _table(every: list[SearchState]) -> int:
    head = ("NAME", "OPTIMIZER", "PICTURES", "BEST", "STATE")
    rows = [(one.name, one.optimizer, f"{one.pictures_done}/{one.max_pictures}", _best(one), _state(one)) for one in every]
    return print_table(head, rows)


def _about(state: SearchState) -> int:
    options = ", ".join(f"{name} {value:g}" for name, value in sorted(state.options.items()))
    facts = [
        ("prior", state.prior or "none: a picture's spectrum"),
        ("optimizer", f"{state.optimizer} ({options})"),
        ("dimensions", str(state.dimensions)),
        ("seed", str(state.seed)),
        ("pictures", f"{state.pictures_done} of {state.max_pictures}"),
        ("best score", _best(state)),
        ("state", _state(state)),
    ]
    return print_table((), facts)


def _best(state: SearchState) -> str:
    return "-" if state.best_score is None else f"{state.best_score:.4g}"


def _state(state: SearchState) -> str:
    return f"over ({state.ending})" if state.ending else f"waits for {state.waiting} scores"
