from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dgnam_client import Client, Result
from dgnam_client._alpha import opacity, with_alpha
from PIL import Image


def test_opacity_is_full_from_the_80th_percentile_on() -> None:
    alpha = np.linspace(0, 1, 11, dtype=np.float32).reshape(1, 11)
    levels = opacity(alpha)[0]
    assert levels[0] == 0 and levels[4] == 128 and (levels[8:] == 255).all()
    assert (opacity(np.zeros((2, 2), np.float32)) == 255).all(), "nothing is hidden"
    assert opacity(np.array([[0, 0, 0, 0, 0, 0, 0, 0, 0, 2.0]], np.float32)).tolist() == [[0] * 9 + [255]]


def test_a_picture_keeps_its_colours_and_gets_its_opacity() -> None:
    alpha = np.zeros((64, 64), np.float32)
    alpha[:32] = 1
    seen = Image.open(io.BytesIO(with_alpha(Image.new("RGB", (64, 64), "teal"), alpha, ".png")))
    assert seen.mode == "RGBA" and seen.getpixel((5, 5)) == (0, 128, 128, 255) and seen.getpixel((5, 60))[3] == 0  # type: ignore[index]
    with pytest.raises(ValueError, match="no transparency"):
        with_alpha(Image.new("RGB", (8, 8)), alpha, ".jpg")


def test_it_is_saved_on_request(client: Client, tmp_path: Path) -> None:
    drawn = client.synthesize_pixels("alexnet64:fc8:lemon")
    assert isinstance(drawn, Result)
    with pytest.raises(ValueError, match="the picture has no alpha"):
        drawn.save(tmp_path / "a.png", alpha=True)
    with pytest.raises(AttributeError, match="drawn with a prior"):
        _ = drawn.alpha
    stream = io.BytesIO()
    Image.new("L", (8, 8), 255).save(stream, "PNG")
    png = stream.getvalue()
    known = replace(drawn, sent={**drawn.sent, "alpha": png})
    assert known.alpha.shape == (8, 8) and known.alpha.max() == 1
    for alpha, mode in ((True, "RGBA"), (False, "RGB")):
        with Image.open(known.save(tmp_path / f"{mode}.png", alpha=alpha)) as saved:
            assert saved.mode == mode
