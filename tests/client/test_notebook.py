"""A real notebook, run by a real kernel, and what it shows."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from dgnam_client import Client, DgnamError, Direction, Features, VariantProgress
from dgnam_client._notebook import NotebookProgress, in_notebook

CELLS = """
from dgnam_client import Client
client = Client({url!r})
client.synthesize("alexnet64:fc8:lemon")
---
client.synthesize_many(["alexnet64:fc8:lemon", "alexnet64:fc8:teapot", "alexnet64:fc8:wrong"])
---
client.model("alexnet64"), client.methods(), client.units("alexnet64", filter="lem")
---
client.synthesize("alexnet64:fc8:wrong")
---
client.synthesize("lemon")
---
client.synthesize("alexnet64:fc8:lemon", seed="one")
---
client.synthesize("alexnet64:fc8:lemon", sede="one")
---
await_ = __import__("dgnam_client").AsyncClient({url!r})
await await_.synthesize("alexnet64:fc8:wrong")
"""


@pytest.fixture(scope="module")
def run() -> Any:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")

    def cells(source: str) -> list[list[Any]]:
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in source.split("---")])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that run it
            nbclient.NotebookClient(book, timeout=60, kernel_name="python3", allow_errors=True).execute()
        return [cell.outputs for cell in book.cells]

    return cells


def test_a_notebook(server: Any, run: Any) -> None:
    one, many, facts, *mistakes = run(CELLS.format(url=server.url))
    progress, picture = one
    assert '<progress value="1.000"' in progress.data["text/html"] and progress.data["text/plain"].startswith("1 of 1 pictures")
    assert "image/png" in picture.data and picture.data["text/plain"].startswith("<Result alexnet64:fc8:lemon seed=0: 8 x 8 px")
    progress, gallery = many
    assert progress.data["text/plain"] == "2 of 3 pictures, 1 failed"
    assert gallery.data["text/html"].count("<img") == 2 and gallery.data["text/plain"] == "<Gallery of 2 pictures and 1 errors>"
    (told,) = facts
    assert len(told.data["text/plain"]) < 300 and "<Model alexnet64: classifier, 8 x 8 px, 2 taps, 1205 labels>" in told.data["text/plain"]
    for outputs in mistakes:
        error = outputs[-1]
        lines = [line for text in error.traceback for line in text.splitlines()]
        assert error.output_type == "error" and len(lines) < 10, lines
        assert "synthesize(" in "".join(lines) and re.match(r"(NotFound|InvalidAddress|InvalidRequest)Error: ", lines[-1]), lines


def test_no_progress_outside_of_notebooks(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    client.synthesize("alexnet64:fc8:lemon")
    assert capfd.readouterr() == ("", "")
    assert repr(NotebookProgress(3)) == "0 of 3 pictures"


def test_a_short_traceback_is_of_the_callers_line(client: Client) -> None:
    with pytest.raises(DgnamError) as caught:
        client.synthesize("alexnet64:fc8:wrong")
    lines = caught.value._render_traceback_()
    assert len(lines) < 6 and "test_notebook.py" in lines[0] and lines[-1].startswith("NotFoundError: no unit 'wrong'")


def test_reprs_are_short(client: Client) -> None:
    assert repr(client.model("alexnet64")) == "<Model alexnet64: classifier, 8 x 8 px, 2 taps, 1205 labels>"
    assert repr(client.models()[1]) == "<Model fc6-prior: prior, 8 x 8 px>"
    assert repr(client.methods()) == "<Methods dgn-am, pyramid, inversion>" and repr(next(iter(client.methods()))) == (
        "<Method dgn-am: with a prior, 3 options>"
    )
    assert repr(client.units("alexnet64", filter="lemon")) == "[<UnitInfo alexnet64:fc8:lemon: lemon>]"
    assert repr(Direction([1.0] * 500)) == "<Direction of 500 units>"
    assert repr(Features(b"x" * 9999)) == "<Features of a picture, 9999 bytes>"
    assert len(repr(VariantProgress(0, 1, 2, 3.0, b"x" * 9999))) < 120
