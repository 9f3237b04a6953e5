"""Classes of a network trained on other photographs: can the prior draw scenes that it has never seen (3.2)?"""

from typing import Any

import torch
from torch import Tensor

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.evaluate.quality import before_output
from dgnam_models.lab.paper.study import JUDGES, Figure, Study, agreement, opinions, sheet, spread
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, as_float
from dgnam_models.preprocess import crop_or_enlarge

SCENES = "alexnet64-scenes"


def draw(study: Study) -> Figure:
    """Pictures of the scene classes, each above a photograph where there are some.

    Numbers: how often the network itself names its pictures, which it should, having been asked to; and, with photographs, how often
    the judge's features, which know no scenes, put a picture nearest to the mean of the photographs of its class.
    """
    network, judge = study.network(SCENES), study.network(JUDGES[0])
    names = spread(network.card.labels, study.units)
    images = study.draw_classes(network, names, SCENES).images
    own = opinions(network, images)
    numbers: dict[str, Any] = {"pictures": len(names), SCENES: agreement(own, names)}
    captions = [[name, f"{SCENES}: {calls[0]}"] for name, calls in zip(names, own, strict=True)]
    rows = [(as_pil(images), captions)]
    if (real := study.photographs(study.scenes_val, network)) is not None:
        known = [name for name in names if name in real.names]
        firsts = [int((real.labels == real.names.index(name)).nonzero()[0]) for name in known]
        rows.append((as_pil(as_float(real.pixels[firsts])), [[name, "a photograph"] for name in known]))
        numbers["photographs"] = {SCENES: agreement(opinions(network, as_float(real.pixels)), [real.names[i] for i in real.labels])}
        numbers |= _nearest_means(judge, real, images, names)
    return Figure(sheet(rows, f"{SCENES}: pictures its classes prefer, drawn by a prior that has seen none of them"), numbers)


def _nearest_means(judge: Network, real: Photographs, images: Tensor, names: list[str]) -> dict[str, Any]:
    """The nearest class mean in the judge's features, the means those of every other photograph, tried on the rest and on `images`."""
    features = _features(judge, as_float(real.pixels))
    odd = torch.arange(len(real)) % 2 == 1
    means = torch.stack([features[odd & (real.labels == i)].mean(0) for i in range(len(real.names))])

    def right(x: Tensor, labels: list[str]) -> float:
        nearest = [real.names[i] for i in torch.cdist(x, means).argmin(1).tolist()]
        return agreement([[name] for name in nearest], labels)["top1"]

    key = f"nearest class mean in {judge.name}"
    return {
        key: right(_features(judge, images), names),
        f"{key}, photographs": right(features[~odd], [real.names[i] for i in real.labels[~odd]]),
        "by chance": round(1 / len(real.names), 4),
    }


@torch.no_grad()
def _features(network: Network, images: Tensor) -> Tensor:
    """What the network has before its output, (N, D)."""
    tap = before_output(network)
    found = [network.activations(crop_or_enlarge(part, network.input_size), [tap])[tap].flatten(1) for part in images.split(256)]
    return torch.cat(found)
