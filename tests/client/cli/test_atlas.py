"""The atlas of a job, without a server: names of files, the page, and how long it takes in words."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from dgnam_client import JobPicture, JobState
from dgnam_client._cli.atlas_folder import file_of
from dgnam_client._cli.atlas_page import Shown, page
from dgnam_client._cli.job_bar import JobBar, described, duration

STATE = JobState(
    id="1f3a5c7e9b2d4f60",
    title="fc8 & <b>more</b>",
    phase="running",
    pictures=3,
    done=2,
    failed=0,
    running=1,
    found=0,
    pictures_per_s=0.5,
    remaining_s=2.0,
    created_s=0.0,
    finished_s=None,
    client="me",
    obstacle="",
)
PICTURE = JobPicture(
    id="ab" * 32,
    phase="done",
    target="alexnet64:fc8:7",
    model="alexnet64",
    tap="fc8",
    unit=7,
    label='tabby "cat" / mog',
    method="dgn-am",
    prior="fc6-prior",
    seed=3,
    activation=12.345,
    percentile=99.5,
    ending="steps-done",
    error="",
    finished_s=1.0,
    height=64,
    width=64,
)


def test_a_file_is_named_by_what_it_shows_and_by_its_id() -> None:
    assert file_of(PICTURE) == "alexnet64/fc8/0007-tabby-cat-mog-dgn-am-3-abababab.png"
    hostile = replace(PICTURE, model="../..", tap="/etc", label="../x")
    assert not re.search(r"\.\.|//|^/", file_of(hostile)), "nothing that a server says leads out of the folder"
    assert file_of(replace(PICTURE, id="cd" * 32)) != file_of(PICTURE)


def test_the_page_shows_each_picture_once_with_its_recipe_and_nothing_as_markup() -> None:
    other = replace(PICTURE, id="cd" * 32, tap="conv3", target="alexnet64:conv3:7", label="", percentile=None)
    text = page(STATE, [Shown(one, file_of(one)) for one in (PICTURE, other)], "pictures.csv")
    assert "<title>fc8 &amp; &lt;b&gt;more&lt;/b&gt;</title>" in text and "2 pictures, 1 of 3 missing" in text
    assert text.index('id="alexnet64:conv3"') < text.index('id="alexnet64:fc8"') and text.count("<img") == 2
    assert "tabby &quot;cat&quot; / mog" in text and 'tabby "cat"' not in text
    links = [unquote(link) for link in re.findall(r'href="([^"#]+)"', text)]
    assert links == ["pictures.csv", *(name for one in (other, PICTURE) for name in (file_of(one), file_of(one).replace(".png", ".json")))]
    assert "12.3 · 99.5 %" in text and "$" not in text


def test_a_units_photographs_are_beside_its_pictures() -> None:
    beside = [
        replace(PICTURE, id=f"{rank}{digit}" * 32, kind=kind, rank=rank, seed=0, method=method, prior="")  # type: ignore[arg-type]
        for digit, (kind, method) in enumerate((("projection", "deconvnet"), ("exemplar", "exemplars")))
        for rank in (2, 1)
    ]
    files = [file_of(one) for one in beside]
    assert files[:2] == [
        "alexnet64/fc8/0007-tabby-cat-mog-projection-deconvnet-2-20202020.png",
        "alexnet64/fc8/0007-tabby-cat-mog-projection-deconvnet-1-10101010.png",
    ]
    assert files[3] == "alexnet64/fc8/0007-tabby-cat-mog-exemplar-1-11111111.png"
    text = page(STATE, [Shown(one, file_of(one), "red <fox>") for one in (*beside, PICTURE)], "pictures.csv")
    assert text.count("<article") == 1 and text.count("<img") == 5
    order = [unquote(link) for link in re.findall(r'<img src="([^"]+)"', text)]
    assert order == [file_of(PICTURE), files[3], files[2], files[1], files[0]], "what was drawn, then photographs, then projections by rank"
    assert 'title="1. red &lt;fox&gt;, activation 12.3"' in text and "strongest photographs" in text and "deconvnet</figcaption>" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h"), (-1, "0 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_how_a_job_goes_in_a_few_words() -> None:
    assert described(STATE) == "0.5/s, 2 s left"
    assert described(replace(STATE, phase="paused", remaining_s=None, failed=2)) == "paused, 2 failed"


def test_the_bar_reads_as_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with JobBar(STATE, quiet=False):
        pass
    assert terminal.getvalue().split("\r")[-1].strip().endswith(" 2/3 pictures, 0.5/s, 2 s left")
