"""Memorization: how near drawn pictures lie to the photographs trained on, beside how near photographs lie to each other.

After Nguyen et al. 2016, supplement S22: in pixels, and in what networks make of pictures.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from dgnam_models.fetch import cache
from dgnam_models.lab.evaluate import features, metrics, quality
from dgnam_models.lab.evaluate.features import Space, Table
from dgnam_models.lab.evaluate.material import Models
from dgnam_models.lab.evaluate.metrics import Neighbours
from dgnam_models.network import Network
from dgnam_models.photographs import Files, Photographs, batches
from dgnam_models.preprocess import Fit, centre_crop, resize

PIXELS = "pixels"  # the name of pixel space among the networks' names
PIXELS_SIDE = 32  # pictures are compared in pixels reduced to so many: where they are alike, not how sharp
PAIRS = 3  # photographs of each class that are compared with as many others


def spaces(models: Models, size: tuple[int, int]) -> dict[str, Space]:
    """Pixel space, and the features before the output of each judge, for pictures of `size`."""
    side = (PIXELS_SIDE, PIXELS_SIDE)
    pixels = Space(3 * PIXELS_SIDE**2, f"pixels {size} {side}", lambda images: resize(centre_crop(images, size), side).flatten(1))
    return {PIXELS: pixels} | {network.name: _space(_near(network, size), models.fit) for network in models.quick or models.judges}


def _near(network: Network, size: tuple[int, int]) -> Network:
    """The network for pictures of `size`, where it takes that and it is smaller than its own: enlarging them would tell it nothing more."""
    multiple = network.card.preprocessing.multiple
    fits = multiple and all(side % multiple == 0 and side <= own for side, own in zip(size, network.input_size, strict=True))
    return network.at(size) if fits else network


def _space(network: Network, fit: Fit) -> Space:
    tap = quality.before_output(network)
    width = next(own.shape[0] for own in network.card.taps if own.name == tap)
    identity = f"{network.card.sha256} {tap} {network.input_size} {fit.__name__} {network.dtype}"

    @torch.no_grad()
    def rows(images: Tensor) -> Tensor:
        found = network.activations(fit(images, network.input_size), [tap])[tap]
        return found.flatten(2).mean(2) if found.ndim == 4 else found

    return Space(width, identity, rows)


def trained_on(training: Files, there: Mapping[str, Space], device: torch.device) -> dict[str, Table]:
    """The rows of the photographs trained on, from the user's cache where they have been computed before."""
    return features.tables(training, there, cache() / "features", device, "photographs trained on")


def nearest(
    asked: Mapping[str, Photographs], there: Mapping[str, Space], tables: Mapping[str, Table], device: torch.device
) -> dict[tuple[str, str], Neighbours]:
    """For each set of images asked for and each space, the nearest photographs trained on."""
    queries = {(who, name): seen(images, space, device) for who, images in asked.items() for name, space in there.items()}

    def chunks() -> Iterator[dict[tuple[str, str], Tensor]]:
        for chunk in features.chunks(tables):
            yield {key: chunk[key[1]] for key in queries}

    return metrics.nearest(queries, chunks())


def seen(images: Photographs, space: Space, device: torch.device) -> Tensor:
    """The rows of images in a space, (N, width) float32."""
    parts = [space.rows(batch).float().cpu() for batch, _ in batches(images, device, features.BATCH)]
    return torch.cat(parts)


def pairs(held_out: Photographs) -> tuple[Photographs, Photographs]:
    """Held-out photographs of each class, drawn by lot, and as many others of each class, in the same order."""
    each = min(PAIRS, int(held_out.labels.bincount()[held_out.labels.unique()].min()) // 2)
    first, second = quality.balanced_pairs(held_out.labels, each, 1)[0]
    return held_out.take(first), held_out.take(second)


def closeness(drawn: Neighbours, pictures: Photographs, held_out: Neighbours, photographs: Photographs, apart: Tensor) -> dict[str, float]:
    """How far pictures lie from their nearest training images, each over the mean of its class's held-out photographs.

    About 1: as far as a photograph that was not among them. Near 0: it is one of them. `over_pairs` is the median of the same distances,
    each over the mean distance `apart` (M,) of two photographs of the class; `real_over_pairs` is that of held-out photographs.
    """
    ratios, over_pairs, real_over_pairs = [], [], []
    for unit in photographs.labels.unique():
        own, real = drawn.distances[pictures.labels == unit], held_out.distances[photographs.labels == unit]
        between = apart[photographs.labels == unit].mean()
        ratios.append(own / real.mean())
        over_pairs.append(own / between)
        real_over_pairs.append(real / between)
    found = {"median_ratio": torch.cat(ratios).median(), "least_ratio": torch.cat(ratios).min()}
    found |= {"over_pairs": torch.cat(over_pairs).median(), "real_over_pairs": torch.cat(real_over_pairs).median()}
    return {name: value.item() for name, value in found.items()}
