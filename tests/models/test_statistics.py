"""Statistics of codes, gathered in parts, are those of all codes together."""

from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_models import statistics


def codes() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(7, 7, generator=random)
    return (torch.randn(200, 7, generator=random) @ mixing + 3).half()


def test_parts_give_what_the_whole_gives(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", codes()[:120].view(2, 60, 7).numpy())  # plain and mirrored
    np.save(tmp_path / "b.npy", codes()[120:].numpy())
    found = statistics.of_codes(statistics.stored([tmp_path / "a.npy", tmp_path / "b.npy"], rows=50))
    assert sorted(found) == ["mean", "std"] and found["mean"].dtype == found["std"].dtype == torch.float32
    torch.testing.assert_close(found["mean"], codes().float().mean(0))
    torch.testing.assert_close(found["std"], codes().float().std(0))


def test_components_are_the_directions_of_the_largest_variances() -> None:
    found = statistics.of_codes(codes().split(64), components=3)
    plain = codes().float()
    torch.testing.assert_close(found["std"], plain.std(0), rtol=1e-4, atol=1e-5)
    assert found["components"].shape == (3, 7)
    torch.testing.assert_close(found["components"] @ found["components"].T, torch.eye(3), rtol=1e-4, atol=1e-5)
    along = (plain - plain.mean(0)) @ found["components"].T
    torch.testing.assert_close(along.var(0), found["variances"], rtol=1e-3, atol=1e-4)
    singular = torch.linalg.svdvals(plain - plain.mean(0)).square() / 199
    torch.testing.assert_close(found["variances"], singular[:3], rtol=1e-3, atol=1e-4)


def test_fewer_codes_than_units_have_components_too() -> None:
    """5 codes of 7 units vary in 4 directions."""
    found, plain = statistics.of_codes(codes()[:5].split(2), components=4), codes()[:5].float()
    torch.testing.assert_close(found["components"] @ found["components"].T, torch.eye(4), rtol=1e-4, atol=1e-5)
    along = (plain - plain.mean(0)) @ found["components"].T
    torch.testing.assert_close(along.var(0), found["variances"], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(along @ found["components"] + found["mean"], plain, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="5 codes of 7 units are too few for a deviation and 5 components"):
        statistics.of_codes([codes()[:5]], components=5)


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="1 codes of 7 units are too few"):
        statistics.of_codes([codes()[:1]])
    with pytest.raises(ValueError, match="200 codes of 7 units are too few for a deviation and 8 components"):
        statistics.of_codes([codes()], components=8)
