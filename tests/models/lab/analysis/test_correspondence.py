"""Part correspondence: Delta by hand, and parts that do and do not correspond."""

import json
from pathlib import Path

import pytest
import torch
from dgnam_models import Network
from dgnam_models.card import Preprocessing
from dgnam_models.errors import DataError
from dgnam_models.lab.analysis.correspondence import RANDOM, Marked, covered, layers, measure, numbers, places, read, score
from PIL import Image
from torch import nn


def test_delta_by_hand() -> None:
    found = score(torch.tensor([[1.0, -2, 0, 3], [2.0, 2, 0, -1], [0.0, -1, 0, 1]]))
    # pairs: (0, 1) differ in 2, (0, 2) in 1, (1, 2) in 3 of 4; each counts twice
    assert found.delta == 12 and found.mean == 12 / (6 * 4)
    assert score(torch.ones(3, 5)).delta == 0


def test_what_is_covered() -> None:
    images = torch.zeros(2, 3, 8, 8)
    found = covered(images, [(0.25, 0.5, 0.5, 1), (0.9, 0.9, 0.91, 0.91)])
    assert (found[0, :, 4:, 2:4] == 0.5).all() and found[0].sum() == 3 * 8 * 0.5
    assert found[1].sum() == 3 * 0.5, "a part is a pixel at least" and images.sum() == 0


class Corners(nn.Module):
    """Two features of the upper left corner, and two of the whole picture."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        corner, whole = x[:, 0, :4, :4].mean((1, 2)), x[:, 0].mean((1, 2))
        return torch.stack([corner, 1 - corner, whole, 1 - whole], 1)


def marked(parts: dict[str, list[tuple[float, float, float, float]]]) -> Marked:
    pictures = [Image.new("RGB", (16, 16), (shade,) * 3) for shade in (200, 220, 240)]
    return Marked(pictures, parts, [(0, 0, 1, 1)] * 3)


def test_a_part_that_changes_all_pictures_alike() -> None:
    network = Network.of(nn.Sequential(Corners(), nn.Linear(4, 2)), "corners", Preprocessing((16, 16), mean=(0.0,) * 3, std=(1.0,) * 3))
    told: list[int] = []
    parts = {"corner": [(0, 0, 0.25, 0.25)] * 3, "anywhere": [(0, 0, 0.25, 0.25), (0.5, 0.5, 0.75, 0.75), (0.5, 0, 0.75, 0.25)]}
    found = measure(network, marked(parts), ["0"], draws=4, told=told.append)["0"]
    assert found["corner"].mean == 0, "the corner always loses, in all pictures"
    assert found["anywhere"].mean == pytest.approx((4 * 2) / (6 * 4)), "the corner's two features change in one picture of three"
    assert 0 <= found[RANDOM].mean < 1 and len(told) == 2 + 4
    again = numbers({"0": measure(network, marked(parts), ["0"], draws=4)["0"]})
    assert again == numbers({"0": found})
    assert layers(network) == ["0"]


def test_random_places_lie_on_the_object_and_are_as_large_as_a_part() -> None:
    where = Marked([Image.new("RGB", (8, 8))] * 2, {"eye": [(0.4, 0.4, 0.5, 0.6)] * 2}, [(0.2, 0.2, 0.8, 0.8), (0.5, 0.5, 1, 1)])
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        for (left, top, right, bottom), limits in zip(places(where, random), where.objects, strict=True):
            assert right - left == pytest.approx(0.1) and bottom - top == pytest.approx(0.2)
            assert limits[0] <= left and right <= limits[2] + 1e-9 and limits[1] <= top and bottom <= limits[3] + 1e-9


def test_marked_pictures_in_a_file(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    table = {"pictures": ["a.png", "b.png"], "parts": {"eye": [[5, 0, 10, 5], [0, 0, 4, 4]]}}
    file = tmp_path / "parts.json"
    file.write_text(json.dumps(table))
    found = read(file)
    assert found.parts == {"eye": [(0, 0, 0.5, 0.5)] * 2} and found.objects == [(0, 0, 1, 1)] * 2
    assert [picture.size for picture in found.pictures] == [(10, 10), (8, 8)]
    table["parts"] = {"eye": [[0, 0, 4, 5], [0, 0, 9, 4]], "nose": [[1, 1, 2, 2]]}
    file.write_text(json.dumps(table))
    with pytest.raises(DataError) as caught:
        read(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3 and "outside the square middle" in lines[0] and "does not lie in a picture of 8 x 8" in lines[1]
    assert "nose does not have a box for each of the 2 pictures" in lines[2]
    for broken in ("[]", "{", json.dumps({"pictures": ["none.png"], "parts": {}})):
        file.write_text(broken)
        with pytest.raises(DataError, match="no file of marked pictures"):
            read(file)
