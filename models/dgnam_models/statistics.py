"""What is known of photographs' codes: each unit's mean and deviation, and the directions in which codes vary most."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize


def of_codes(parts: Iterable[Tensor], components: int = 0) -> dict[str, Tensor]:
    """`mean` and `std` (D,) of the codes in `parts`, (N, D) each, and their first `components` principal components; float32.

    With K components also `components` (K, D), orthonormal, the largest variance first, and `variances` (K,). Parts are read once, in
    order, so that codes need not fit into memory; the covariance (D, D) must.

    Raises:
        ValueError: there are fewer than two codes, or fewer units or other codes than components.
    """
    held: list[Tensor] = []
    count, total, products = 0, torch.zeros(1, dtype=torch.double), torch.zeros(1, dtype=torch.double)
    for part in parts:
        values = part.float()
        count += len(values)
        total = total + values.sum(0, dtype=torch.double)
        if components:
            held = [*held, values] if count <= len(total) else []
        products = products + ((values.T @ values).double() if components else values.square().sum(0, dtype=torch.double))
    if count < 2 or components > min(len(total), count - 1):
        raise ValueError(f"{count} codes of {len(total)} units are too few for a deviation and {components} components")
    mean = total / count
    if not components:
        return {"mean": mean.float(), "std": _unbiased(products - count * mean.square(), count).sqrt().float()}
    covariance = _unbiased(products - count * torch.outer(mean, mean), count)
    if held:
        variances, directions = _of_few((torch.cat(held) - mean).double())
    else:
        variances, directions = torch.linalg.eigh(covariance.float())  # ascending
    return {
        "mean": mean.float(),
        "std": covariance.diag().sqrt().float(),
        "components": directions.T.flip(0)[:components].float().contiguous(),
        "variances": variances.flip(0)[:components].float().contiguous(),
    }


def _of_few(centred: Tensor) -> tuple[Tensor, Tensor]:
    """The variances (N,), ascending, and their directions (D, N), of no more codes (N, D) than units.

    From the products of codes instead of units (Turk & Pentland 1991): to decompose a covariance most of whose eigenvalues are 0 takes long
    and may fail. N codes vary in N - 1 directions; the one left over means nothing.
    """
    squares, combinations = torch.linalg.eigh((centred @ centred.T).float())
    directions = normalize(centred.T @ combinations.double(), dim=0)
    return _unbiased(squares.clamp_min(0), len(centred)), directions


def _unbiased(squares: Tensor, count: int) -> Tensor:
    return squares / (count - 1)


def stored(paths: Iterable[Path], rows: int = 4096) -> Iterator[Tensor]:
    """The codes in .npy files, (..., D) each, a few thousand at a time; the files are mapped into memory, not read whole."""
    for path in paths:
        held = np.load(path, mmap_mode="r")
        codes = held.reshape(-1, held.shape[-1])
        for start in range(0, len(codes), rows):
            yield torch.from_numpy(np.array(codes[start : start + rows]))
