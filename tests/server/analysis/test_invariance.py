"""Changes of pictures, against moving, turning and scaling them by hand."""

import pytest
import torch
from dgnam_server.analysis.invariance import AMOUNTS, Change, changed, defaults, distance

GREY = torch.full((1, 3), 0.5)


def image(height: int = 12, width: int = 16) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_moved_down_by_whole_pixels() -> None:
    before = image()
    after = changed(before, [Change("translation", 3)], GREY)
    torch.testing.assert_close(after[:, :, 3:], before[:, :, :-3], atol=1e-4, rtol=0)
    torch.testing.assert_close(after[:, :, :3], torch.full((1, 3, 3, 16), 0.5), atol=1e-4, rtol=0)
    up = changed(before, [Change("translation", -3)], GREY)
    torch.testing.assert_close(up[:, :, :-3], before[:, :, 3:], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, 3), (270, 3)])
def test_turned_counterclockwise(degrees: float, turns: int) -> None:
    before = image(12, 12)
    torch.testing.assert_close(changed(before, [Change("rotation", degrees)], GREY), before.rot90(turns, (2, 3)), atol=1e-4, rtol=0)


def test_a_wide_picture_is_turned_without_a_shear() -> None:
    before = image(12, 16)
    after = changed(before, [Change("rotation", 90)], GREY)
    torch.testing.assert_close(after[:, :, :, 2:14], before[:, :, :, 2:14].rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_scaled_about_the_centre() -> None:
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    ramp = torch.stack([y, x, x + y])[None]
    after = changed(ramp, [Change("scale", 2)], GREY)
    torch.testing.assert_close(after[0, 0, :, 0], 5.5 + (torch.arange(12.0) - 5.5) / 2, atol=1e-4, rtol=0)
    small = changed(ramp + 100, [Change("scale", 0.5)], GREY)
    assert (small[0, 0, :2] == 0.5).all() and (small[0, 0, 4:8, 5:11] >= 100).all()


def test_what_changes_nothing_leaves_every_bit() -> None:
    before = image().repeat(4, 1, 1, 1)
    same = [Change("translation", 0), Change("rotation", 360), Change("scale", 1), None]
    assert torch.equal(changed(before, same, GREY.repeat(4, 1)), before)
    one = changed(before, [*same[:3], Change("scale", 1.5)], GREY.repeat(4, 1))
    assert torch.equal(one[:3], before[:3]) and not torch.equal(one[3], before[3])


def test_colours_are_each_pictures_own() -> None:
    after = changed(image().repeat(2, 1, 1, 1), [Change("translation", 12)] * 2, torch.tensor([[1.0, 0, 0], [0, 0.25, 0]]))
    assert after[0, :, 5, 5].tolist() == pytest.approx([1, 0, 0]) and after[1, :, 5, 5].tolist() == pytest.approx([0, 0.25, 0])


def test_the_published_changes() -> None:
    found = defaults(224)
    amounts = {kind: [one.amount for one in found if one.kind == kind] for kind in ("translation", "rotation", "scale")}
    assert {len(values) for values in amounts.values()} == {AMOUNTS}
    assert (amounts["translation"][0], amounts["translation"][-1]) == (-60, 60)
    assert (amounts["scale"][0], amounts["scale"][-1]) == (1, 1.8)
    assert amounts["rotation"][0] == 0 and amounts["rotation"][-1] == 336
    assert any(one.nothing for one in found if one.kind == "translation")


def test_distance() -> None:
    assert distance(torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 5, 7])) == 5
