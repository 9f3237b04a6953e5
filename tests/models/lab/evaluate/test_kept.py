"""Pictures kept beside the report."""

from pathlib import Path

import torch
from dgnam_models.lab.evaluate import kept


def test_a_picture_is_kept_to_the_bit(tmp_path: Path) -> None:
    image = torch.randint(256, (3, 5, 7), dtype=torch.uint8)
    file = kept.path(tmp_path, 951, 2)
    kept.keep(file, image)
    assert torch.equal(kept.read(file), image)
    assert [path.name for path in tmp_path.iterdir()] == ["951-seed2.png"], "nothing half-done"


def test_another_request_has_another_folder(tmp_path: Path) -> None:
    first, again, other = (kept.folder(tmp_path, "prior", {"options": {"steps": steps}}) for steps in (60, 60, 200))
    assert first == again != other
    assert (other / "request.json").read_text().count("200") == 1
