"""Units trained on shuffled, channel-swapped or blurred photographs: do their pictures show just that (3.5)?"""

from typing import Any

from torch import Tensor

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import JUDGES, Figure, Study, agreement, opinions, sheet, spread
from dgnam_models.preprocess import crop_or_enlarge

ALTERED = ("shuffled", "swapped", "blurred")
RECIPES = tuple(f"{name}-{kind}" for kind in ALTERED for name in ("alexnet64", "judge64"))


def draw(study: Study) -> Figure:
    """For each alteration a row of units of whole photographs' classes and one of the same classes altered.

    A judge for each alteration was trained on photographs only, to tell whole ones from altered ones, and took no part in drawing.
    Numbers: its accuracy on held-out photographs; the share of the first row's pictures that it calls whole and of the second's that it
    calls altered; and the chance that it finds an altered unit's picture more altered than a whole one's (`order`, the area under the
    receiver operating characteristic), which holds also where every picture of the prior looks altered to it, or none.
    """
    numbers: dict[str, Any] = {}
    rows = []
    for kind in ALTERED:
        network, judge, namer = (study.network(name) for name in (f"alexnet64-{kind}", f"judge64-{kind}", JUDGES[0]))
        names = spread(network.card.labels[: len(network.card.labels) // 2], study.units)
        scores = []
        for start in ("", f"{kind} "):
            images = study.draw_classes(network, [start + name for name in names], start + network.name).images
            probability = _altered(judge.logits(crop_or_enlarge(images, judge.input_size)))
            scores.append(probability)
            captions = [[start + name, f"{judge.name}: {p:.0%} {kind}"] for name, p in zip(names, probability.tolist(), strict=True)]
            rows.append((as_pil(images), captions))
            if not start:
                named = agreement(opinions(namer, images), names)
        whole, altered = scores
        numbers[kind] = {
            "classifier": network.card.training.get("figures", {}),
            "judge_on_photographs": judge.card.training.get("figures", {}).get("val_top1"),
            "pictures": 2 * len(names),
            "whole_called_whole": round((whole < 0.5).float().mean().item(), 4),
            "altered_called_altered": round((altered >= 0.5).float().mean().item(), 4),
            "order": round(order(whole, altered), 4),
            f"whole_named_by_{namer.name}": named,
        }
    return Figure(sheet(rows, "Classifiers that know every class twice: what its whole and its altered unit prefer"), numbers)


def _altered(logits: Tensor) -> Tensor:
    """The probability of the second of the judge's two classes."""
    return logits.softmax(1)[:, 1]


def order(low: Tensor, high: Tensor) -> float:
    """The share of pairs of `low` (N,) and `high` (M,) in which the second is larger; a tie counts half (the Mann-Whitney U over N M)."""
    return ((high > low[:, None]).float() + (high == low[:, None]).float() / 2).mean().item()
