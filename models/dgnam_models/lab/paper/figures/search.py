"""The same units by scores alone, through noise: which optimizer gets how far (Wang & Ponce 2022, fig. 2)?"""

import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.evaluate.quality import layers
from dgnam_models.lab.paper.study import PRIOR, TARGET, Figure, Study, sheet, spread
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, batches
from dgnam_models.receptive_field import centre

NOISES = (0.0, 0.2, 0.5)
LAYERS, PHOTOGRAPHS, AT_ONCE = 5, 1000, 4
# As published, along the code's own units and from the mean; and along the directions in which photographs' codes vary.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "genetic": {"optimizer": "genetic", "axes": "units", "start": "mean"},
    "cma": {"optimizer": "cma", "axes": "units"},
    "diagonal-cma": {"optimizer": "diagonal-cma", "axes": "units"},
    "cma, components": {"optimizer": "cma", "axes": "components"},
}


@dataclass(frozen=True)
class Run:
    """A search for a unit, and what came of it.

    Attributes:
        reached: the unit's activation, without noise, for the picture with the best score.
        last: the mean of those of the last generation.
    """

    unit: str
    way: str
    noise: float
    reached: float = 0.0
    last: float = 0.0
    picture: Image.Image | None = None


def draw(study: Study) -> Figure:
    """A row for each way and noise, and one by gradient.

    A score is the activation times max(0, 1 + noise z), z standard normal, as published. Numbers: for each way and noise the mean over
    units of the activation that the picture with the best score truly has, over the empirical maximum as published (the greatest such
    activation of all searches for the unit), and, with photographs, over that of the best of a thousand. The gradient's pictures alike.
    """
    network = study.network(TARGET)
    units = _units(network, study)
    runs = [Run(unit, way, noise) for noise in NOISES for way in WAYS for unit in units]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(tqdm(pool.map(lambda run: _searched(study, run), runs), total=len(runs), desc="searches", disable=None))
    by_gradient = study.draw(list(units), "by gradient")
    gradient = dict(zip(units, by_gradient.activations.tolist(), strict=True))
    most = {unit: max(run.reached for run in done if run.unit == unit) for unit in units}
    scales = {"over the empirical maximum": most}
    if (real := study.photographs(study.val, network)) is not None:
        scales[f"over the best of {min(PHOTOGRAPHS, len(real))} photographs"] = _greatest(network, units, real)
    numbers: dict[str, Any] = {"units": list(units), "pictures": study.pictures}
    for name, scale in scales.items():
        numbers[name] = {f"noise {noise:g}": {way: _mean(done, way, noise, scale) for way in WAYS} for noise in NOISES}
        numbers[name]["by gradient"] = _rounded([gradient[unit] / scale[unit] for unit in units])
    rows = [([run.picture for run in found if run.picture], [_caption(run) for run in found]) for found in _rows(done)]
    rows.append(
        (as_pil(by_gradient.images), [[unit.partition(":")[2], "by gradient", f"activation {gradient[unit]:.3g}"] for unit in units])
    )
    return Figure(sheet(rows, f"{TARGET}: units' best pictures by scores alone, {study.pictures} pictures each", len(units)), numbers)


def _units(network: Network, study: Study) -> dict[str, tuple[str, tuple[int, int] | None, int]]:
    """Units of five layers from the second to the last, one of each for every twenty asked for, by their address: tap, position, index."""
    shapes, taps = {tap.name: tap.shape for tap in network.card.taps}, layers(network)[1:]
    found = {}
    for tap in dict.fromkeys(taps[round(i * (len(taps) - 1) / (LAYERS - 1))] for i in range(LAYERS)):
        position = centre(shapes[tap])
        place = "" if position is None else f"@{position[0]},{position[1]}"
        for index in spread(range(shapes[tap][0]), max(1, study.units // 20) + 1)[1:]:
            found[f"{TARGET}:{tap}:{index}{place}"] = (tap, position, index)
    return found


def _searched(study: Study, run: Run) -> Run:
    """The run, done."""
    seed = [study.seed, round(100 * run.noise), *run.unit.encode()]
    random = np.random.default_rng(seed)
    search = study.client.search(prior=PRIOR, seed=study.seed, max_pictures=study.pictures, timeout=float("inf"), **WAYS[run.way])
    best, true, picture = -np.inf, np.zeros(1), None
    for pictures in search:
        true = _activation(study, run.unit, pictures)
        measured = true * np.maximum(0, 1 + run.noise * random.standard_normal(len(true)))
        if measured.max() > best:
            best, picture, reached = measured.max(), pictures[measured.argmax()].image, float(true[measured.argmax()])
        search.tell(measured)
    search.delete()
    return replace(run, reached=reached, last=float(true.mean()), picture=picture)


def _activation(study: Study, unit: str, pictures: Sequence[Any]) -> np.ndarray:
    """What the pictures give the unit, (N,)."""
    found: np.ndarray = np.concatenate(
        [study.client.activations(pictures[i : i + 64], unit, timeout=float("inf")).array for i in range(0, len(pictures), 64)]
    )
    return found.astype(np.float64)


def _rows(done: list[Run]) -> list[list[Run]]:
    return [[run for run in done if (run.way, run.noise) == (way, noise)] for way in WAYS for noise in NOISES]


def _caption(run: Run) -> list[str]:
    return [run.unit.partition(":")[2], f"{run.way}, noise {run.noise:g}", f"activation {run.reached:.3g}"]


def _mean(done: list[Run], way: str, noise: float, scale: Mapping[str, float]) -> float:
    return _rounded([run.reached / scale[run.unit] for run in done if (run.way, run.noise) == (way, noise)])


def _rounded(values: list[float]) -> float:
    return round(statistics.mean(values), 3)


@torch.no_grad()
def _greatest(network: Network, units: Mapping[str, tuple[str, tuple[int, int] | None, int]], real: Photographs) -> dict[str, float]:
    """The greatest activation that any of a thousand photographs gives each unit."""
    chosen = spread(range(len(real)), PHOTOGRAPHS)
    some = Photographs(real.pixels[chosen], real.labels[chosen], real.names)
    found: dict[str, float] = dict.fromkeys(units, -np.inf)
    taps = sorted({tap for tap, _, _ in units.values()})
    for images, _ in batches(some, torch.device("cpu")):
        seen = network.activations(images, taps)
        for unit, (tap, position, index) in units.items():
            values = seen[tap][:, index] if position is None else seen[tap][:, index, position[0], position[1]]
            found[unit] = max(found[unit], values.max().item())
    return found
