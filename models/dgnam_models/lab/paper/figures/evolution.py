"""The same classes along a classifier's training: do pictures get better as the network does (S6)?"""

from typing import Any

import torch
from torch import Tensor

import dgnam_models
from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import JUDGES, Figure, Study, agreement, opinions, sheet, spread

RECIPE = "alexnet64-narrow"
RECIPES = (RECIPE,)


def draw(study: Study) -> Figure:
    """A row for each snapshot; numbers: its accuracy on held-out photographs, the judges' agreement, and how the two rank together."""
    cards = dgnam_models.cards(study.packs)
    snapshots = sorted(name for name in cards if name.startswith(f"{RECIPE}-"))
    judges = [study.network(name) for name in JUDGES]
    names = spread(cards[snapshots[0]].labels, study.units)
    numbers: dict[str, Any] = {"pictures": len(names)}
    rows, accuracy, agreed = [], [], []
    for snapshot in snapshots:
        training = cards[snapshot].training
        images = study.draw_classes(study.network(snapshot), names, snapshot).images
        called = {judge.name: opinions(judge, images) for judge in judges}
        found = {name: agreement(calls, names) for name, calls in called.items()}
        accuracy.append(training["figures"]["val_top1"])
        agreed.append(sum(figures["top1"] for figures in found.values()) / len(found))
        numbers[snapshot] = {"steps": training["steps"], "accuracy": accuracy[-1], **found}
        lines = f"step {training['steps']}, {accuracy[-1]:.0%} of photographs right"
        captions = [[name, lines, f"{JUDGES[0]}: {calls[0]}"] for name, calls in zip(names, called[JUDGES[0]], strict=True)]
        rows.append((as_pil(images), captions))
    numbers["rank_correlation"] = round(rank_correlation(torch.tensor(accuracy), torch.tensor(agreed)), 3)
    return Figure(sheet(rows, "What classes prefer, along the training of their network"), numbers)


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's: the correlation of the ranks of `a` and `b` (N,), equal values sharing their mean rank; 0 where one is constant."""

    def ranks(x: Tensor) -> Tensor:
        below, same = (x < x[:, None]).double().sum(1), (x == x[:, None]).double().sum(1)
        rank = below + (same - 1) / 2
        return rank - rank.mean()

    x, y = ranks(a), ranks(b)
    scale = (x.square().sum() * y.square().sum()).sqrt()
    return float((x * y).sum() / scale) if scale > 0 else 0.0
