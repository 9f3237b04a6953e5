from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dgnam_client._cli import main
from PIL import Image


@pytest.mark.parametrize(("flags", "field"), [([], "channel_sums_of"), (["--gram"], "gram_of")])
def test_content_and_style_are_sent(server: Any, folder: Path, flags: list[str], field: str) -> None:
    for name in ("photo", "style"):
        Image.new("RGB", (20, 20), "teal" if name == "photo" else "gold").save(f"{name}.png")
    arguments = ["restyle", "photo.png", "--style", "style.png", "--network", "alexnet64", "--style-weight", "2", "--seed", "3"]
    assert main([*arguments, *flags, "-o", "restyled.png", "--quiet"]) == 0
    request = server.requests[-1]
    content, *styles = request.target.terms
    assert content.unit.features_of == Path("photo.png").read_bytes() and content.weight == 10
    assert {term.unit.WhichOneof("unit") for term in styles} == {field} and {term.weight for term in styles} == {2}
    assert all(getattr(term.unit, field) == Path("style.png").read_bytes() for term in styles)
    assert (request.method, request.seed) == ("inversion", 3)
    assert Path("restyled.json").is_file()
