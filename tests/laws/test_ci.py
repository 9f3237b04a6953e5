"""The forge's workflow and the commit hooks run targets of the Makefile, and nothing of their own."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_workflow_only_calls_what_a_developer_can_call() -> None:
    """`make check`'s script; and in a job of its own, so that it does not wait for it, what installs PyTorch twice more."""
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"^ *- run: (.+)$", workflow, re.MULTILINE) == [".ci/run", "make test-versions"]
    assert "test-versions: " in MAKEFILE
    assert "check: ## " in MAKEFILE
    assert "\n\t.ci/run\n" in MAKEFILE


def test_the_hooks_are_those_of_make_lint() -> None:
    """pre-commit names the files, so the hooks add --force-exclude, which keeps generated code out."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = [entry.removesuffix(" --force-exclude") for entry in re.findall(r"^ *entry: (.+)$", hooks, re.MULTILINE)]
    lint = re.search(r"^lint: .*\n((?:\t.+\n)+)", MAKEFILE, re.MULTILINE)
    assert lint is not None
    assert entries == lint[1].replace("\t", "").splitlines()


def test_the_hooks_download_nothing() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"repo: (.+)", hooks)) == {"local"}
    assert set(re.findall(r"language: (.+)", hooks)) == {"system"}
