"""Fitting the mixture that a code prior draws from, and adding it to a prior's weight file."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from dgnam_models import pack, statistics
from dgnam_models.card import CardError, ModelCard, sha256
from dgnam_models.loaders.safetensors import CODE

ROUNDS = 12  # of k-means; later ones hardly move a centre
JITTER = 1e-4  # of the mean variance, added to each, so that the covariance of directions in which codes do not vary has a factor too


def fit(codes: Callable[[], Iterable[Tensor]], mean: Tensor, components: int, centres: int, seed: int = 0) -> dict[str, Tensor]:
    """A mixture of Gaussians with one covariance, of `codes` over their first principal components; float32.

    The centres are those of k-means, the weights the shares of their clusters, the covariance that of all codes about their own centre.
    The codes' components (components, N) are held in memory, the codes themselves only a part at a time, and their covariance (D, D).

    Args:
        codes: begins to give them anew at each call, in parts (N, D); it is called twice.
        mean: (D,), what the prior's weight file has; centres are relative to it.

    Returns:
        The tensors of `code_prior.MIXTURE`.

    Raises:
        ValueError: there are fewer codes than centres or two, or fewer units than components.
    """
    found = statistics.of_codes(codes(), components)
    directions = found["components"]
    latents = torch.cat([(part.float() - mean) @ directions.T for part in codes()])
    if not 1 <= centres <= len(latents):
        raise ValueError(f"{centres} centres cannot be found among {len(latents)} codes")
    places, nearest = k_means(latents, centres, seed)
    counts = torch.bincount(nearest, minlength=centres)
    rest = latents - places[nearest]
    covariance = rest.T @ rest / len(rest)
    covariance += JITTER * covariance.diag().mean().clamp(min=torch.finfo(torch.float16).eps) * torch.eye(len(covariance))
    held = counts > 0
    return {
        "components": directions,
        "variances": found["variances"],
        "centres": places[held],
        "weights": counts[held] / len(latents),
        "spread": torch.linalg.cholesky(covariance),
    }


def k_means(points: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """`count` centres (count, K) of points (N, K), and which is the nearest of each, (N,) (Lloyd 1982).

    A centre is the mean of the points whose nearest it was in the last round, or, where it is nobody's, any point.
    """
    random = torch.Generator().manual_seed(seed)
    centres = points[torch.randperm(len(points), generator=random)[:count]]
    for _ in range(ROUNDS):
        length = centres.square().sum(1)
        nearest = torch.cat([(2 * part @ centres.T - length).argmax(1) for part in points.split(8192)])
        counts = torch.bincount(nearest, minlength=count)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        others = points[torch.randint(len(points), (count,), generator=random)]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), others)
    return centres, nearest


def add(folder: Path, name: str, mixture: dict[str, Tensor], history: dict[str, object]) -> ModelCard:
    """Write the mixture into the weight file of the prior `name` of the pack in `folder`, in float16, in place of one that is there.

    Args:
        history: how it was made, for the card.

    Raises:
        CardError: there is no such prior, its file is damaged or of a format without room, or a number is beyond float16.
    """
    card = prior_of(folder, name)
    path = folder / "weights" / card.file
    if sha256(path) != card.sha256:
        raise CardError(f"{name}: {path} is not the file that its card describes: damaged or replaced")
    halves = {f"{CODE}{key}": value.half() for key, value in mixture.items()}
    if broken := [key for key, value in halves.items() if not value.isfinite().all()]:
        raise CardError(f"{name}: {', '.join(broken)} is beyond float16")
    told = replace(card, training={**card.training, "mixture": history})
    return pack.write(folder, told, {**load_file(path), **halves}, over=True)


def prior_of(folder: Path, name: str) -> ModelCard:
    """The card of a prior of the pack in `folder`, whose weight file has room for a mixture.

    Raises:
        CardError: there is none.
    """
    path = folder / "cards" / f"{name}.toml"
    if not path.is_file():
        raise CardError(f"{path} is not there: the mixture is written into the pack that has the prior")
    card = ModelCard.read(path)
    if card.code is None:
        raise CardError(f"{name} is a classifier and has no codes")
    if card.format != "safetensors":
        raise CardError(f"{name} is of the format {card.format}; only a safetensors file has room for a mixture")
    return card
