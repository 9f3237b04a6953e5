"""The plot of a search is a picture, drawn anew, also before there is anything to plot."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dgnam_client import Generation, InvalidRequestError
from dgnam_client._cli import search_plot
from PIL import Image


def search(*history: Generation) -> Any:
    state = SimpleNamespace(name="mine", optimizer="cma", pictures_done=40 * len(history))
    return SimpleNamespace(state=state, history=history)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def blue(path: Path) -> int:
    """How many pixels the search's own lines take."""
    red, _, third = pixels(path).transpose(2, 0, 1)
    return int((third - red > 60).sum())


def test_it_is_drawn_anew_as_scores_come(tmp_path: Path) -> None:
    path = tmp_path / "scores.png"
    search_plot.write(path, search())
    assert pixels(path).shape == (480, 840, 3) and blue(path) == 0
    first = Generation(0, 40, 0, 1.0, 3.0, 2.0, 2.5)
    second = Generation(1, 38, 2, 4.0, 6.0, None, None)
    silent = Generation(2, 0, 40, None, None, None, None)
    search_plot.write(path, search(first))
    one = blue(path)
    search_plot.write(path, search(first, second, silent))
    assert blue(path) > one + 300
    assert list(tmp_path.iterdir()) == [path], "no draft is left"


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InvalidRequestError, match='pip install "dgnam-client'):
        search_plot.check()
