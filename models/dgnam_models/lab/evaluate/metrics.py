"""What sets of pictures are worth, from what networks make of them: pure functions on tensors, each with its formula and source."""

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

Space = TypeVar("Space", bound=Hashable)


class Neighbours(NamedTuple):
    """For each of Q rows the nearest of another set: `distances` (Q,) Euclidean, `indices` (Q,) int64."""

    distances: Tensor
    indices: Tensor


def top_k_agreement(logits: Tensor, labels: Tensor, k: int) -> float:
    """Share of rows whose label is among the `k` largest logits.

    Args:
        logits: (N, classes).
        labels: (N,) int64, from 0 to classes - 1.
        k: beyond the number of classes, every label is among them.
    """
    best = logits.topk(min(k, logits.shape[1])).indices
    return (best == labels[:, None]).any(1).float().mean().item()


def percentiles(values: Tensor, reference: Tensor) -> Tensor:
    """Percentile ranks of `values` (N,) within `reference` (M,): 100 times the share below, equal ones counted half; (N,) in [0, 100]."""
    below = (reference < values[:, None]).float().mean(1)
    equal = (reference == values[:, None]).float().mean(1)
    return 100 * (below + equal / 2)


def mean_pairwise_distance(features: Tensor) -> float:
    """`mean over i < j of ||x_i - x_j||` of features (N, D).

    Its expectation does not depend on N, so sets of different sizes may be compared.

    Raises:
        ValueError: fewer than two rows have no distance.
    """
    if len(features) < 2:
        raise ValueError(f"{len(features)} rows have no pairwise distance: give at least 2")
    return torch.pdist(features.double()).mean().item()


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Frechet distance between Gaussians fitted to features (N, D) and (M, D).

    `||m_a - m_b||^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2))`, m means and C covariances (Heusel et al. 2017, arXiv 1706.08500, eq. 6).
    With X the centred rows over sqrt(N - 1), C = X^T X; C_a C_b then has the non-zero eigenvalues of
    (X_a X_b^T)(X_a X_b^T)^T, so the trace of its root is the sum of the singular values of X_a X_b^T: exact also where a
    covariance has no inverse, and nothing is rooted that rounding could have made negative. In float64.

    N rows span at most N - 1 dimensions. With fewer rows than dimensions the fitted Gaussians are flat and the distance is too large,
    even between two sets of one distribution; compare it only with that of sets of the same sizes.

    Raises:
        ValueError: fewer than two rows have no covariance.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"sets of {len(a)} and {len(b)} rows: a covariance needs at least 2")
    mean_a, mean_b = a.double().mean(0), b.double().mean(0)
    x_a, x_b = ((x.double() - mean) / (len(x) - 1) ** 0.5 for x, mean in ((a, mean_a), (b, mean_b)))
    traces = x_a.square().sum() + x_b.square().sum()
    distance = (mean_a - mean_b).square().sum() + traces - 2 * torch.linalg.svdvals(x_a @ x_b.T).sum()
    return float(distance.clamp_min(0))


def precision_recall(real: Tensor, drawn: Tensor, k: int = 3) -> tuple[float, float]:
    """(precision, recall) of drawn features (M, D) against real ones (N, D) (Kynkaanniemi et al. 2019, arXiv 1904.06991, eq. 1 and 2).

    A set's manifold is the union of balls, one around each of its points, that reach to the point's k-th nearest other point.
    Precision is the share of drawn points on the real manifold, recall the share of real points on the drawn one.

    Raises:
        ValueError: a set has no k-th nearest other point.
    """
    if min(len(real), len(drawn)) <= k:
        raise ValueError(f"sets of {len(real)} and {len(drawn)} rows: the {k} nearest others need at least {k + 1}")
    real, drawn = real.double(), drawn.double()
    return _share_on_manifold(drawn, real, k), _share_on_manifold(real, drawn, k)


def _share_on_manifold(points: Tensor, centres: Tensor, k: int) -> float:
    radii = _distances(centres, centres).kthvalue(k + 1, dim=1).values  # the nearest of all is the point itself
    return (_distances(points, centres) <= radii).any(1).float().mean().item()


def _distances(a: Tensor, b: Tensor) -> Tensor:
    # Not by the dot product, which gives equal points a distance.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(queries: Mapping[Space, Tensor], chunks: Iterable[Mapping[Space, Tensor]]) -> dict[Space, Neighbours]:
    """The nearest row to each query, in several spaces at once and in one pass over a set too large for memory.

    Args:
        queries: (Q, D) of each space; Q may differ between spaces.
        chunks: the set, piece by piece: (B, D) of each space.

    Returns:
        For each space, distances and the positions in the whole set; infinite where the set is empty.
    """
    found = {
        space: Neighbours(rows.new_full((len(rows),), torch.inf), torch.zeros(len(rows), dtype=torch.int64, device=rows.device))
        for space, rows in queries.items()
    }
    start = 0
    for chunk in chunks:
        for space, best in found.items():
            distances, indices = torch.cdist(queries[space], chunk[space]).min(1)
            closer = distances < best.distances
            found[space] = Neighbours(torch.where(closer, distances, best.distances), torch.where(closer, indices + start, best.indices))
        start += len(next(iter(chunk.values())))
    return found


def fine_detail(images: Tensor) -> Tensor:
    """The share of each picture's contrast that is finer than four pixels, (N,) from 0 to 1.

    `sum of |F(f)|^2 over |f| > 1/4 cycles per pixel, over that of all f != 0`, F the Fourier transform of each colour; white noise has
    about 1 - pi / 16 = 0.8.

    Args:
        images: (N, 3, H, W).
    """
    height, width = images.shape[2:]
    energy = torch.fft.fft2(images.double()).abs().square().sum(1)
    energy[:, 0, 0] = 0
    frequency = (torch.fft.fftfreq(height)[:, None].square() + torch.fft.fftfreq(width).square()).sqrt()
    share: Tensor = energy[:, frequency > 1 / 4].sum(1) / energy.sum((1, 2)).clamp(min=1e-12)
    return share.float()
