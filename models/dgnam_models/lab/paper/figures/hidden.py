"""Units of every layer, cropped to the pixels that they see (3.4): what does each layer look for?"""

import statistics
from typing import Any

import torch
from torch import Tensor

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.evaluate.quality import layers
from dgnam_models.lab.paper.study import SHOWN, TARGET, Figure, Study, sheet, spread
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, batches
from dgnam_models.preprocess import centre_crop
from dgnam_models.receptive_field import Box, centre, receptive_field


def draw(study: Study) -> Figure:
    """A row for each layer: units evenly spread over it, those of a map at its middle.

    Numbers: the receptive field; the least share of its activation that a unit keeps when all but the crop is greyed, so that the crop
    is seen to be all that counts; and, with photographs, the median activation over the greatest that any photograph gives the unit.
    """
    network = study.network(TARGET)
    real = study.photographs(study.val, network)
    numbers: dict[str, Any] = {}
    rows = []
    for tap in layers(network)[:-1]:
        shape = next(t.shape for t in network.card.taps if t.name == tap)
        units = spread(range(shape[0]), min(study.units, SHOWN))
        position = centre(shape)
        field = receptive_field(network, tap)
        box = Box(0, 0, *network.input_size) if field is None or position is None else field.box(position)
        place = "" if position is None else f"@{position[0]},{position[1]}"
        pictures = study.draw([f"{TARGET}:{tap}:{unit}{place}" for unit in units], tap)
        images = centre_crop(pictures.images, network.input_size)
        greyed = torch.full_like(images, 0.5)
        box.crop(greyed).copy_(box.crop(images))
        reached, kept = (_activations(network, tap, position, x)[:, units].diagonal() for x in (images, greyed))
        numbers[tap] = {"field_px": _size(box), "units": units, "kept_by_crop": round((kept / reached).min().item(), 4)}
        if real is not None:
            greatest = _greatest(network, tap, position, real)[units]
            numbers[tap]["times_greatest_photograph"] = round(statistics.median((reached / greatest).tolist()), 2)
        captions = [
            [f"{tap} unit {unit}", f"sees {_size(box)} px", f"activation {value:.3g}"] for unit, value in zip(units, reached, strict=True)
        ]
        rows.append((as_pil(box.crop(images)), captions))
    return Figure(sheet(rows, f"{TARGET}: what hidden units prefer, as much of it as they see"), numbers)


@torch.no_grad()
def _activations(network: Network, tap: str, position: tuple[int, int] | None, images: Tensor) -> Tensor:
    """The units' activations at `position`, (N, units)."""
    found = network.activations(images, [tap])[tap]
    return found if position is None else found[:, :, position[0], position[1]]


def _greatest(network: Network, tap: str, position: tuple[int, int] | None, real: Photographs) -> Tensor:
    """The greatest activation that any photograph gives each unit, (units,)."""
    parts = [_activations(network, tap, position, images).amax(0) for images, _ in batches(real, torch.device("cpu"))]
    return torch.stack(parts).amax(0)


def _size(box: Box) -> str:
    return f"{box.bottom - box.top} x {box.right - box.left}"
