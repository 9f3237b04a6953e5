"""What the READMEs and the documentation show exists, and the first page stays short."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
READMES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/README.md")])  # not those that tools leave in hidden folders
PAGES = pytest.mark.parametrize("page", [*READMES, *DOCS], ids=lambda path: str(path.relative_to(ROOT)))
MOST_LINES, LONGEST_LINE = 150, 120


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks of a page in one of the languages."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shell(page: Path) -> str:
    """The shell blocks of a page, one after the other, without what they print."""
    return "\n".join(blocks(page, "sh", "bash", "shell"))


@cache
def help_of(command: str) -> str:
    """What a command of ours prints for --help."""
    done = subprocess.run([Path(sys.executable).with_name(command), "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_first_page_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < MOST_LINES


def test_the_first_page_has_short_lines() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert not [number for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]


@PAGES
def test_links(page: Path) -> None:
    """Every link to a file leads to one, and what follows a # is a heading there."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The headings of a page as they stand in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@PAGES
def test_examples(page: Path) -> None:
    """Every example that is named is there."""
    named = set(re.findall(r"examples/[\w/]+\.\w+", page.read_text(encoding="utf-8")))
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


@PAGES
def test_make_targets(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", shell(page))) <= targets


@PAGES
def test_client_commands(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:^|[ /`])dgnam ([a-z][a-z-]*)", shell(page) + "\n".join(re.findall(r"`dgnam [^`]*`", text)), re.MULTILINE))
    if shown:
        assert shown <= set(re.findall(r"[a-z][a-z-]*", help_of("dgnam")))


@PAGES
def test_models_commands(page: Path) -> None:
    """Every `dgnam-models ...` line is one that the command's own parser accepts."""
    from dgnam_models.commands import parser

    for line in re.findall(r"^dgnam-models (.+)$", shell(page).replace("\\\n", " "), re.MULTILINE):
        parser().parse_args(shlex.split(line, comments=True))


@PAGES
def test_server_flags(page: Path) -> None:
    """Every flag of a `dgnam-server ...` line is one that the server has."""
    shown = {flag for line in re.findall(r"^dgnam-server (.+)$", shell(page), re.MULTILINE) for flag in re.findall(r"--[a-z-]+", line)}
    if shown:
        assert shown <= set(re.findall(r"--[a-z-]+", help_of("dgnam-server")))


@PAGES
def test_python_blocks(page: Path) -> None:
    """They are Python, and the names that they import from dgnam are there."""
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")
        for module, names in re.findall(r"^from (dgnam_\w+) import (.+)$", block, re.MULTILINE):
            for name in names.split(", "):
                assert hasattr(__import__(module), name), f"{module}.{name}"


def test_the_contract_page_has_every_call_and_every_reason() -> None:
    page = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    protos = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "proto/dgnam_proto/v1").glob("*.proto")))
    reasons = set(re.findall(r"^  REASON_(\w+) =", protos, re.MULTILINE)) - {"UNSPECIFIED"}
    assert reasons
    for name in reasons | set(re.findall(r"^  rpc (\w+)\(", protos, re.MULTILINE)):
        assert f"`{name}`" in page, name


def test_the_list_of_methods_is_current() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/methods-page"], capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "docs/reference/methods.md").read_text(encoding="utf-8"), "run `make methods-page` and commit the page"
