"""The same classes drawn with the priors of a conv and two fc layers: which are coherent, which repeat fragments (3.1)?"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

import dgnam_models
from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import JUDGES, TARGET, Figure, Study, agreement, opinions, sheet, spread
from dgnam_models.photographs import as_float

PRIORS = ("upconv64-pool5", "upconv64-fc6", "upconv64-fc7")


def draw(study: Study) -> Figure:
    """A row for each prior that the server has; numbers: the judges' agreement and how much the pictures repeat themselves."""
    present = set(dgnam_models.names(study.packs))
    target, judges = study.network(TARGET), [study.network(name) for name in JUDGES]
    names = spread(target.card.labels, study.units)
    numbers: dict[str, object] = {"pictures": len(names), "missing": [prior for prior in PRIORS if prior not in present]}
    rows = []
    for prior in PRIORS:
        if prior not in present:
            continue
        images = study.draw_classes(target, names, prior, prior=prior).images
        called = {judge.name: opinions(judge, images) for judge in judges}
        found = {name: agreement(calls, names) for name, calls in called.items()}
        numbers[prior] = {**found, "repetition": round(repetition(images).mean().item(), 3)}
        captions = [[name, prior, f"{JUDGES[0]}: {calls[0]}"] for name, calls in zip(names, called[JUDGES[0]], strict=True)]
        rows.append((as_pil(images), captions))
    if (real := study.photographs(study.val, target)) is not None:
        picked = torch.linspace(0, len(real) - 1, min(200, len(real))).long()
        numbers["photographs"] = {"repetition": round(repetition(as_float(real.pixels[picked])).mean().item(), 3)}
    return Figure(sheet(rows, f"{TARGET}: the same classes, drawn with the priors of different layers"), numbers)


def repetition(images: Tensor) -> Tensor:
    """How much each picture repeats itself: the largest correlation with itself, moved by an eighth to a half of its size; (N,).

    `max_s sum_p x(p) x(p + s) / sqrt(sum_p x(p)^2 sum_p x(p + s)^2)`, p over where both lie in the picture, x the brightness less its
    mean over a square of an eighth of the size, so that slow shading, which goes with any move, does not count. A fragment repeated
    exactly anywhere gives 1, and the same pattern elsewhere in other colours counts too.

    Args:
        images: (N, 3, S, S).
    """
    size = images.shape[-1]
    near = size // 8
    grey = images.mean(1, keepdim=True)
    window = near // 2 * 2 + 1
    x = (grey - avg_pool2d(grey, window, 1, window // 2, count_include_pad=False)).squeeze(1)
    best = x.new_full((len(x),), -1.0)
    for down in range(size // 2 + 1):
        for right in range(-(size // 2), size // 2 + 1):
            if max(down, abs(right)) < near:
                continue
            here = x[:, down:, max(right, 0) : size + min(right, 0)]
            there = x[:, : size - down, max(-right, 0) : size - max(right, 0)]
            energy = here.square().sum((1, 2)) * there.square().sum((1, 2))
            best = torch.maximum(best, (here * there).sum((1, 2)) / energy.sqrt().clamp_min(1e-12))
    return best
