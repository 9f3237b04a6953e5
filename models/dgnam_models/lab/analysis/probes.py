"""Linear probes: how well does a linear classifier on each layer's features tell classes apart (Zeiler & Fergus 2013, section 5.3)?"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from dgnam_models.errors import DataError, UsageError
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, batches

PIXELS = "pixels"  # the picture itself, for comparison
REGULARIZATION = 0.01  # scikit-learn's C, for features of unit variance
MOST = 4096  # features of a layer: larger maps are averaged to fewer places
Array = NDArray[np.float32]
Told = Callable[[int], object]


@dataclass(frozen=True)
class Settings:
    """How probes are fitted."""

    per_class: Sequence[int] = ()  # few-shot: so many training pictures of each class
    repeats: int = 5  # draws of these, of which the mean is taken
    regularization: float = REGULARIZATION
    seed: int = 0


@dataclass(frozen=True)
class Layer:
    """One layer's accuracies, shares of the held-out pictures in [0, 1].

    Attributes:
        features: how many the probe saw.
        accuracy: with all training pictures.
        few: by the number of training pictures of each class: the mean over the draws, and their standard deviation.
    """

    tap: str
    features: int
    accuracy: float
    few: Mapping[int, tuple[float, float]]


def held_out(photographs: Photographs, every: int = 5) -> tuple[Photographs, Photographs]:
    """Every fifth picture of each class held out: (the rest, the held out). Nothing is drawn: the same pictures, the same split."""
    number = torch.zeros_like(photographs.labels)
    for label in photographs.labels.unique():
        here = photographs.labels == label
        number[here] = torch.arange(int(here.sum()))
    held = number % every == every - 1
    return photographs.take((~held).nonzero().flatten()), photographs.take(held.nonzero().flatten())


@torch.no_grad()
def features(network: Network, photographs: Photographs, taps: Sequence[str], told: Told = lambda _: None) -> dict[str, Array]:
    """What each of the taps, or `PIXELS`, makes of photographs of the network's input size, (N, features) float32.

    A map is averaged to at most as many places as leave `MOST` features. `told` hears how many photographs were seen, batch by batch.
    """
    read = [tap for tap in taps if tap != PIXELS]
    found: dict[str, list[Tensor]] = {tap: [] for tap in taps}
    for images, _ in batches(photographs, network.preprocess.mean.device, 64):
        values = network.activations(images, read) if read else {}
        for tap in taps:
            found[tap].append(_flat(images if tap == PIXELS else values[tap]).cpu())
        told(len(images))
    return {tap: torch.cat(several).numpy() for tap, several in found.items()}


def fits(settings: Settings, taps: int) -> int:
    """How many classifiers `probe` fits for so many taps."""
    return taps * (1 + len(settings.per_class) * settings.repeats)


def probe(
    training: tuple[Mapping[str, Array], Tensor], held: tuple[Mapping[str, Array], Tensor], settings: Settings, told: Told = lambda _: None
) -> list[Layer]:
    """Fit a linear classifier on each layer's features: multinomial logistic regression on features of zero mean and unit variance.

    Args:
        training, held: features by tap, and the classes (N,).
        told: hears 1 after each fit.

    Raises:
        DataError: a class has too few training pictures.
        UsageError: scikit-learn is not installed.
    """
    labels, truth = training[1].numpy(), held[1].numpy()
    counts = np.bincount(labels)
    if len(counts[counts > 0]) < 2:
        raise DataError("a probe tells classes apart, so it needs at least two of them")
    if settings.per_class and (most := max(settings.per_class)) > (least := int(counts[counts > 0].min())):
        raise DataError(f"{most} training pictures of each class were asked for, but one has {least}: ask for fewer, or give more")
    layers = []
    for tap, values in training[0].items():

        def score(picked: NDArray[np.int64], tap: str = tap, values: Array = values) -> float:
            fitted = _classifier(settings.regularization).fit(values[picked], labels[picked])
            told(1)
            return float((fitted.predict(held[0][tap]) == truth).mean())

        accuracy = score(np.arange(len(labels)))
        few = {}
        for count in settings.per_class:
            scores = [score(_drawn(labels, count, settings.seed + draw)) for draw in range(settings.repeats)]
            few[count] = float(np.mean(scores)), float(np.std(scores))
        layers.append(Layer(tap, values.shape[1], accuracy, few))
    return layers


def need_sklearn() -> None:
    """Find out before the work whether there is something to fit with.

    Raises:
        UsageError: there is not.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise UsageError('probes need scikit-learn: pip install "dgnam-models[probe]"') from None


def _classifier(regularization: float) -> Any:
    need_sklearn()
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=regularization, max_iter=1000, tol=1e-3))


def _drawn(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """`count` of each class."""
    random = np.random.default_rng(seed)
    return np.sort(np.concatenate([random.choice(np.flatnonzero(labels == label), count, False) for label in np.unique(labels)]))


def _flat(values: Tensor) -> Tensor:
    if values.ndim == 4:
        places = max(1, math.isqrt(MOST // values.shape[1]))
        rows, columns = min(places, values.shape[2]), min(places, values.shape[3])
        values = adaptive_avg_pool2d(values, (rows, columns))
    return values.flatten(1).float()
