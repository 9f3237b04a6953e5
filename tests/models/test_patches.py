"""Patch sets: cutting, normalizing, and the index against a plain search."""

from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models import patches
from dgnam_models.commands import main
from dgnam_models.patches import PatchSet
from PIL import Image


def photographs(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_cutting_and_normalizing_by_hand() -> None:
    image = torch.arange(3 * 12 * 16.0).view(1, 3, 12, 16)
    found = patches.cut(image)
    assert found.shape == (1, 2 * 3, 192)
    torch.testing.assert_close(found[0, 4].view(3, 8, 8), image[0, :, 4:12, 4:12])
    values = torch.tensor([[0.0, 0.2, 0.4, 0.6]])
    torch.testing.assert_close(patches.normalized(values), (values - 0.3) / (0.05**0.5 + 0.1))
    assert patches.normalized(torch.full((2, 192), 0.7)).abs().max() < 1e-3


def test_a_built_set_holds_pieces_of_the_photographs() -> None:
    pixels = photographs(3)
    built = patches.build(pixels, 50)
    assert torch.equal(built, patches.build(pixels, 50))
    every = torch.cat([patches.normalized(patches.cut(pixels.float() / 255, stride=1))])
    distance = torch.cdist(built, every.flatten(0, 1), compute_mode="donot_use_mm_for_euclid_dist").min(1).values  # exact
    assert distance.max() < 1e-2


def test_nearest_is_what_a_plain_search_finds() -> None:
    built = patches.build(photographs(20), 300)
    index = PatchSet(built)
    queries = built[:40] + 0.05 * torch.randn(40, 192, generator=torch.Generator().manual_seed(1))
    found = index.nearest(queries.view(2, 20, 192))
    plain = built[torch.cdist(queries, built).argmin(1)]
    same = (found.view(40, 192) == plain).all(1).float().mean()
    assert same > 0.9, "the index looks into some of its cells only"
    assert found.shape == (2, 20, 192)


def test_one_command_builds_what_a_server_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photographs" / "thing"
    folder.mkdir(parents=True)
    for number in range(4):
        values = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"{number}.png")
    pack = tmp_path / "pack"
    assert main(["patches", "--data", str(folder.parent), "--into", str(pack), "--count", "200"]) == 0
    assert "200 patches of 4 photographs" in capsys.readouterr().out
    assert len(PatchSet.load(pack / patches.FILE)) == 200
    assert main(["patches", "--data", str(tmp_path / "nothing"), "--into", str(pack)]) == 2
    assert "nothing is neither a folder nor a zip" in capsys.readouterr().err
