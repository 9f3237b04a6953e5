"""The models on this machine: what there is, the way in for others, how they are made and what they are worth.

    dgnam-models list                                  every model, bundled or of a pack
    dgnam-models show alexnet64                        one model's card
    dgnam-models verify mine                           digests, shapes and a trial run of a pack's models
    dgnam-models import onnx birds.onnx --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --into mine
    dgnam-models train own64 --set name=mine --data photographs/ --run-dir runs/mine

A pack is a folder with cards/ and weights/. `import` adds to one (--into), and the server serves it: dgnam-server --models mine.
Nothing is unpickled. Only `fetch`, and `import` with --fetch, download anything.

The exit status is 0 if all went well, 1 if a model has a fault, 2 if the command cannot be carried out.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from dgnam_models.card import CardError
from dgnam_models.errors import DataError, ExemplarError, RecipeError, StudyError, TrainingError, UsageError

COMMANDS = (
    *("list", "show", "verify", "import_", "export", "statistics", "mixture", "fetch"),
    *("train", "evaluate", "interpretability", "paper", "patches", "index", "filters", "probe", "correspondence", "evolution"),
)
DONE, FAULTY, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Command(Protocol):
    """A file of this folder. The first line of its docstring is its line in the list of commands, the whole its --help.

    Neither importing it nor `declare` imports PyTorch, so that --help answers at once; only `run` does.
    """

    def declare(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments, and set `run`, which takes the options and returns the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        sys.stderr.close()
        return DONE
    except KeyboardInterrupt:
        print("dgnam-models: stopped", file=sys.stderr)
        return INTERRUPTED
    except (CardError, DataError, ExemplarError, RecipeError, StudyError, TrainingError, UsageError, OSError, ImportError) as error:
        for line in str(error).splitlines():
            print(f"dgnam-models: {line}", file=sys.stderr)
        return REFUSED


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    made = argparse.ArgumentParser("dgnam-models", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add(made.add_subparsers(metavar="COMMAND", required=True), __name__, COMMANDS)
    return made


def add(commands: Any, package: str, names: Sequence[str]) -> None:
    """Add the commands in the files `names` of `package` to what `add_subparsers` returned."""
    for name in names:
        module = import_module(f"{package}.{name}")
        text = module.__doc__ or ""
        first = text.partition("\n")[0].removesuffix(".")
        made = commands.add_parser(
            name.rstrip("_"), help=first[:1].lower() + first[1:], description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        cast(Command, module).declare(made)
