"""The commands that the READMEs show exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/README.md")])  # not those that tools leave in hidden folders


def shell(readme: Path) -> str:
    """The shell blocks of a README, one after the other."""
    return "\n".join(re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets(readme: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", shell(readme))) <= targets


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_client_commands(readme: Path) -> None:
    shown = set(re.findall(r"(?:^|[ /])dgnam ([a-z][a-z-]*)", shell(readme), re.MULTILINE))
    if shown:
        done = subprocess.run([Path(sys.executable).with_name("dgnam"), "--help"], capture_output=True, text=True, check=True)
        assert shown <= set(re.findall(r"[a-z][a-z-]*", done.stdout))


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_models_commands(readme: Path) -> None:
    """Every `dgnam-models ...` line is one that the command's own parser accepts."""
    from dgnam_models.commands import parser

    for line in re.findall(r"^dgnam-models (.+)$", shell(readme).replace("\\\n", " "), re.MULTILINE):
        parser().parse_args(shlex.split(line, comments=True))
