"""What messages and help tell people to type is there to be typed: every command, option and variable named in the sources."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dgnam_client
import pytest
from dgnam_client._cli import parser as client_parser
from dgnam_client._cli.sweeps import SWEPT_WORDS
from dgnam_client._options import SynthesisOptions
from dgnam_models import commands as model_commands
from dgnam_server.settings import PREFIX, Settings
from dgnam_server.sources import CLIENTS, CONFIG, DOWNLOADS
from dgnam_server.synth.methods import METHODS

ROOT = Path(__file__).parents[2]
PACKAGES = ("client/dgnam_client", "server/dgnam_server", "models/dgnam_models")
PLACEHOLDERS = {"NAME", "COMMAND", "SOURCE", "ENCODER", "PACK"}
SERVER_OPTIONS = {f"--{name.replace('_', '-')}" for name in Settings.model_fields} | {"--config", "--help", "--version"}
METHOD_OPTIONS = {f"--{option.name.replace('_', '-')}" for method in METHODS.values() for option in method.options}
# Of other programs.
FOREIGN = {"--extra-index-url", "--health-cmd", "--gpus", "--build-arg"}
# In sentences about options and variables as such.
ANY = {"--options", "DGNAM_NAME"}


@cache
def texts(package: str) -> tuple[tuple[str, str], ...]:
    """Every text in a package's sources, with where it stands; what an f-string fills in is X."""
    return tuple(_texts(package))


def _texts(package: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.name.endswith(("_pb2.py", "_pb2_grpc.py")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                yield where, "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)  # type: ignore[misc]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield where, node.value


@cache
def grammar(program: str) -> dict[str, set[str]]:
    """By a program's command, empty for none, the options that it takes."""
    if program == "dgnam-server":
        return {"": SERVER_OPTIONS}
    parser = client_parser.build().parser if program == "dgnam" else model_commands.parser()
    found = dict(_options(parser, ""))
    if program == "dgnam":
        for name in (*client_parser.DRAWING, "look"):
            found[name] |= METHOD_OPTIONS
    return found


def _options(parser: argparse.ArgumentParser, command: str) -> Iterator[tuple[str, set[str]]]:
    yield command, {text for action in parser._actions for text in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, part in action.choices.items():
                yield from _options(part, f"{command} {name}".strip())


def commands(text: str) -> Iterator[str]:
    """The command lines in a text: between backticks, or a line of examples."""
    yield from re.findall(r"`((?:dgnam|dgnam-server|dgnam-models)(?: [^`]*)?)`", text)
    yield from re.findall(r"^ {2,}((?:dgnam|dgnam-server|dgnam-models) .*?)(?: {3,}.*)?$", text, re.MULTILINE)
    yield from re.findall(r"(?<![`\w])(dgnam-models [a-z]+)\b", text)


def wrong_with(line: str) -> str:
    """What is not there of what a command line names."""
    program, *words = line.split()
    known = grammar(program)
    command = ""
    while words and f"{command} {words[0]}".strip() in known:
        command = f"{command} {words.pop(0)}".strip()
    if words and not command and re.fullmatch(r"[a-z]+", words[0]):
        return f"no command {words[0]}"
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    if words and words[0] in PLACEHOLDERS:  # of any command
        options -= set().union(*known.values())
    return ", ".join(sorted(options - known[command]))


@pytest.mark.parametrize("package", PACKAGES)
def test_commands(package: str) -> None:
    lines = [(where, line) for where, text in texts(package) for line in commands(text)]
    assert lines, "the walk found some"
    assert not [f"{where}: {line}: {wrong}" for where, line in lines if (wrong := wrong_with(line))]


def test_commands_in_the_documentation() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]
    shell = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?((?:dgnam|dgnam-server|dgnam-models) [^#\n]*?)\\?(?: {2,}#.*)?$", re.MULTILINE)
    lines = [(page.name, line) for page in pages for line in [*commands(page.read_text()), *shell.findall(page.read_text())]]
    assert len(lines) > 50 and not [f"{page}: {line}: {wrong}" for page, line in lines if (wrong := wrong_with(line))]


def test_what_is_not_there_would_be_found() -> None:
    assert wrong_with("dgnam wait --long") == "no command wait"
    assert wrong_with("dgnam synth a:b:c --sed 3 --steps 3") == "--sed"
    assert wrong_with("dgnam-models import onnx --into pack --form pack") == "--form"
    assert wrong_with("dgnam-server --porto 1") == "--porto" and not wrong_with("dgnam-server --port 1")


@pytest.mark.parametrize("package", PACKAGES)
def test_options(package: str) -> None:
    """Also those outside of a whole command line, as in "name its file with --grid"."""
    known = FOREIGN.union(*(options for program in ("dgnam", "dgnam-server", "dgnam-models") for options in grammar(program).values()))
    named = [(where, option) for where, text in texts(package) for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]", text)]
    assert not [f"{where}: {option}" for where, option in named if option not in known | ANY]


@pytest.mark.parametrize("package", PACKAGES)
def test_variables(package: str) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CLIENTS, CONFIG, DOWNLOADS}
    named = [(where, name) for where, text in texts(package) for name in re.findall(r"DGNAM_[A-Z]+(?:_[A-Z]+)*", text)]
    assert not [f"{where}: {name}" for where, name in named if name not in known | ANY]


def test_calls_of_the_client() -> None:
    classes = {name: getattr(dgnam_client, name) for name in ("Client", "Result", "Recipe", "Picture")}
    named = [
        (where, kind, call)
        for package in PACKAGES
        for where, text in texts(package)
        for kind, call in re.findall(r"\b(Client|Result|Recipe|Picture)\.([a-z_]+)", text)
    ]
    fields = {name: {*dir(kind), *getattr(kind, "__dataclass_fields__", ())} for name, kind in classes.items()}
    assert len(named) > 5 and not [f"{where}: {kind}.{call}" for where, kind, call in named if call not in fields[kind]]


def test_keywords_of_the_client() -> None:
    """As in "Pass token= or set DGNAM_TOKEN"."""
    calls = [dgnam_client.Client, *(call for name, call in vars(dgnam_client.Client).items() if callable(call) and name[0] != "_")]
    known = {name for call in calls for name in inspect.signature(call).parameters} | set(SynthesisOptions.__annotations__)
    of_errors = [text for where, text in texts("client/dgnam_client") if re.search("_errors|_reach", where)]
    named = {word for text in of_errors for word in re.findall(r"\b([a-z_]+)=(?=[ ,;)]|$)", text)}
    assert {"token", "timeout", "ca_file"} <= named <= known | {"no_proxy"}


def test_the_command_line_hides_no_option_of_a_method() -> None:
    """`--crop` of ours would be in the way of the method's."""
    fixed = set(client_parser.build().options("synth"))
    assert not fixed & METHOD_OPTIONS


def test_what_may_be_swept_is_an_option() -> None:
    assert {f"--{word}" for word in SWEPT_WORDS} <= grammar("dgnam")["synth"]
