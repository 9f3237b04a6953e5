"""Photographs and their codes on disk: what is stored, mirrored, continued and refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models import photographs
from dgnam_models.errors import DataError
from dgnam_models.lab.train import coding
from dgnam_models.lab.train.coded import CodedPhotographs
from dgnam_models.lab.train.coding import Coder, prepare
from dgnam_models.photographs import Entry
from dgnam_models.preprocess import resize
from PIL import Image
from tiny_lite import SIDE, shapes, stand_in

SIZE = 16


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder(stand_in(), "head2x2", SIZE)


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """12 photographs of each class: two classes larger than the picture, one smaller, which is in their middle."""
    folder = shapes(tmp_path_factory.mktemp("photographs"), {"a-large": 40, "b-small": 10, "c-middling": 20})
    return photographs.entries([folder])


@pytest.fixture
def stored(entries: list[Entry], coder: Coder, tmp_path: Path) -> CodedPhotographs:
    return prepare(entries, tmp_path / "training", coder, progress=False)


def pixels(entry: Entry, side: int) -> torch.Tensor:
    return torch.from_numpy(np.array(photographs.square(entry, side))).permute(2, 0, 1).float() / 255


def test_photographs_keep_their_size_or_half_of_it(stored: CodedPhotographs, entries: list[Entry]) -> None:
    assert [pool.pixels.shape for pool in stored.pools] == [(24, 16, 16, 3), (12, 8, 8, 3)]
    batch = stored.take(torch.tensor([30, 0, 23]), torch.zeros(3, dtype=torch.bool))
    assert batch.coarse.tolist() == [True, False, False]
    assert batch.images.shape == (3, 3, SIZE, SIZE)
    small, _, last = batch.images
    eighth = Image.fromarray((pixels(entries[12 + 6], 10) * 255).byte().permute(1, 2, 0).numpy()).resize((8, 8), Image.Resampling.LANCZOS)
    wanted = resize(torch.from_numpy(np.array(eighth)).permute(2, 0, 1)[None].float() / 255, (SIZE, SIZE))[0]
    torch.testing.assert_close(small, wanted)
    torch.testing.assert_close(last, pixels(entries[35], SIZE), atol=0.03, rtol=0)  # smaller in two steps, or in one


def test_codes_are_those_of_what_the_encoder_sees_of_the_photograph(stored: CodedPhotographs, entries: list[Entry], coder: Coder) -> None:
    batch = stored.take(torch.tensor([3]), torch.tensor([False]))
    seen = pixels(entries[3], SIDE)[None]
    torch.testing.assert_close(batch.codes, coder.encoder.activations(seen, ["head2x2"])["head2x2"], rtol=2e-3, atol=2e-3)


def test_a_mirrored_photograph_has_its_mirror_images_code(stored: CodedPhotographs, entries: list[Entry], coder: Coder) -> None:
    plain, mirrored = (stored.take(torch.tensor([3, 30]), torch.tensor([flag, flag])) for flag in (False, True))
    torch.testing.assert_close(mirrored.images, plain.images.flip(3))
    seen = pixels(entries[3], SIDE)[None].flip(3)
    wanted = coder.encoder.activations(seen, ["head2x2"])["head2x2"]
    torch.testing.assert_close(mirrored.codes[:1], wanted, rtol=2e-3, atol=2e-3)
    assert (mirrored.codes - plain.codes).abs().max() > 0.01
    one = stored.codes(torch.tensor([3, 3]), torch.tensor([True, False]))
    assert torch.equal(one, torch.stack([mirrored.codes[0], plain.codes[0]]))


class Killed(Exception):
    pass


def test_coding_continues_where_a_stop_left_it(
    entries: list[Entry], coder: Coder, stored: CodedPhotographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop comes after rows are written and before they are counted: those rows are written again, not twice."""
    monkeypatch.setattr(coding, "CHUNK", 7)
    real, done = coding._record, []

    def record_twice(index: Path, held: dict[str, object]) -> None:
        if len(done) == 2:
            raise Killed
        done.append(index)
        real(index, held)

    with monkeypatch.context() as patched:
        patched.setattr(coding, "_record", record_twice)
        with pytest.raises(Killed):
            prepare(entries, tmp_path / "killed", coder, progress=False)
    opened: list[str] = []
    watched = [(folder, name, lambda name=name, read=read: opened.append(name) or read()) for folder, name, read in entries]  # type: ignore[func-returns-value]
    again = prepare(watched, tmp_path / "killed", coder, progress=False)
    assert len(opened) == 36 - 2 * 7
    for one, other in zip(again.pools, stored.pools, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        np.testing.assert_allclose(one.codes, other.codes, rtol=2e-3, atol=2e-3)  # of batches of other sizes
    assert prepare(watched, tmp_path / "killed", coder, progress=False).pools[0].codes.shape == (24, 2, 64)
    assert len(opened) == 36 - 2 * 7, "all is there"


def test_a_folder_of_other_photographs_is_refused(entries: list[Entry], coder: Coder, stored: CodedPhotographs, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds other photographs"):
        prepare(entries[1:], tmp_path / "training", coder, progress=False)
    with pytest.raises(DataError, match="holds other photographs, or codes of another encoder"):
        prepare(entries, tmp_path / "training", Coder(coder.encoder, "relu_head", SIZE), progress=False)
