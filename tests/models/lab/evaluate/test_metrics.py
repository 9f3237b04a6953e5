"""Every metric against numbers worked out by hand."""

import math

import pytest
import torch
from dgnam_models.lab.evaluate import metrics


def test_top_k_agreement() -> None:
    logits = torch.tensor([[3.0, 2, 1], [3, 2, 1], [3, 2, 1], [1, 2, 3]])
    labels = torch.tensor([0, 1, 2, 2])
    assert metrics.top_k_agreement(logits, labels, 1) == 0.5
    assert metrics.top_k_agreement(logits, labels, 2) == 0.75
    assert metrics.top_k_agreement(logits, labels, 5) == 1, "there are only three classes"


def test_percentiles() -> None:
    found = metrics.percentiles(torch.tensor([0.0, 2.0, 2.5, 9.0]), torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert found.tolist() == [0, 37.5, 50, 100], "2.0 has one of four below it and one equal"


def test_mean_pairwise_distance() -> None:
    triangle = torch.tensor([[0.0, 0], [3, 0], [0, 4]])
    assert metrics.mean_pairwise_distance(triangle) == pytest.approx((3 + 4 + 5) / 3)
    with pytest.raises(ValueError, match="at least 2"):
        metrics.mean_pairwise_distance(triangle[:1])


def gaussian(mean: list[float], variance: list[float]) -> torch.Tensor:
    """Points at mean +- c e_d for each axis d: exactly this mean, and exactly this diagonal covariance (denominator N - 1)."""
    count, axes = 2 * len(mean), torch.eye(len(mean))
    reach = torch.sqrt(torch.tensor(variance) * (count - 1) / 2)[:, None] * axes
    return torch.tensor(mean) + torch.cat([reach, -reach])


def test_frechet_distance_of_known_gaussians() -> None:
    a, b = gaussian([0, 0], [4, 9]), gaussian([3, 4], [1, 1])
    torch.testing.assert_close(a.T.cov(), torch.diag(torch.tensor([4.0, 9.0])))
    # 3^2 + 4^2, and for variances that share axes (2 - 1)^2 + (3 - 1)^2.
    assert metrics.frechet_distance(a, b) == pytest.approx(25 + 1 + 4)


def test_frechet_distance_of_gaussians_on_different_axes() -> None:
    """By the formula itself, with the root taken of a product whose factors do not commute."""
    torch.manual_seed(0)
    a, b = torch.randn(50, 3).double() @ torch.randn(3, 3).double(), torch.randn(40, 3).double() + 1
    c_a, c_b = a.T.cov(), b.T.cov()
    root = torch.linalg.eigvals(c_a @ c_b).sqrt().sum().real
    expected = (a.mean(0) - b.mean(0)).square().sum() + c_a.trace() + c_b.trace() - 2 * root
    assert metrics.frechet_distance(a, b) == pytest.approx(expected.item())


def test_frechet_distance_with_fewer_rows_than_dimensions() -> None:
    """Two points on the first axis against two on the second: variances 2 on axes that the other has not, so nothing to subtract."""
    a, b = torch.zeros(2, 9), torch.zeros(2, 9)
    a[:, 0], b[:, 1] = torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0])
    assert metrics.frechet_distance(a, b) == pytest.approx(4)


def test_frechet_distance_of_a_set_to_itself_is_zero() -> None:
    torch.manual_seed(0)
    for rows, dimensions in ((50, 8), (8, 50)):
        same = 100 + torch.randn(rows, dimensions)
        assert metrics.frechet_distance(same, same.flip(0)) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="at least 2"):
        metrics.frechet_distance(torch.zeros(1, 2), torch.zeros(5, 2))


def test_precision_and_recall_worked_out() -> None:
    """On a line, k = 1. Real 0, 1, 10, radii 1, 1, 9: the manifold is [-1, 19]. Drawn 19, 21, 22, radii 2, 1, 1: it is [17, 23]."""
    real, drawn = torch.tensor([[0.0], [1], [10]]), torch.tensor([[19.0], [21], [22]])
    assert metrics.precision_recall(real, drawn, k=1) == pytest.approx((1 / 3, 0))
    assert metrics.precision_recall(drawn, real, k=1) == pytest.approx((0, 1 / 3))


def test_precision_and_recall_of_a_collapsed_set() -> None:
    """Drawn pictures all in one corner of the real ones: each is realistic, most of what is real is missing."""
    real = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1], [9, 9], [9, 8], [8, 9], [8, 8]])
    drawn = real[:4] / 2 + 0.25
    precision, recall = metrics.precision_recall(real, drawn, k=3)
    assert precision == 1
    assert recall == 0.5, "radius sqrt(1/2) around each drawn point reaches its corner, sqrt(1/8) away"


def test_precision_and_recall_of_a_set_with_itself() -> None:
    torch.manual_seed(0)
    same = 1000 + torch.randn(20, 30)
    assert metrics.precision_recall(same, same.flip(0)) == (1, 1)
    with pytest.raises(ValueError, match="at least 4"):
        metrics.precision_recall(same[:3], same)


def test_nearest_over_chunks_is_nearest_over_all() -> None:
    torch.manual_seed(0)
    queries = {"near": torch.randn(7, 5), "far": torch.randn(3, 40)}
    everything = {"near": torch.randn(101, 5), "far": torch.randn(101, 40)}
    everything["far"][77] = queries["far"][2]
    pieces = zip(everything["near"].split(10), everything["far"].split(10), strict=True)
    found = metrics.nearest(queries, ({"near": near, "far": far} for near, far in pieces))
    for space, rows in queries.items():
        for query, distance, index in zip(rows, *found[space], strict=True):
            by_hand = [math.dist(query.tolist(), other.tolist()) for other in everything[space]]
            assert index == min(range(101), key=by_hand.__getitem__)
            assert distance == pytest.approx(min(by_hand), abs=1e-3)
    assert found["far"].indices[2] == 77


def test_fine_detail() -> None:
    x = torch.arange(16.0)
    coarse, fine = (torch.cos(2 * math.pi * x / period).expand(1, 3, 16, 16) for period in (8, 3.2))
    assert metrics.fine_detail(coarse).item() == pytest.approx(0, abs=1e-6)
    assert metrics.fine_detail(fine).item() == pytest.approx(1)
    assert metrics.fine_detail(0.3 + 2 * coarse + fine).item() == pytest.approx(1 / (4 + 1), rel=1e-5)
    noise = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert metrics.fine_detail(noise).mean().item() == pytest.approx(1 - math.pi / 16, abs=0.01)
    assert metrics.fine_detail(torch.ones(1, 3, 8, 8)).item() == 0
