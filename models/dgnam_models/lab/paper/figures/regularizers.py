"""The same classes by five ways to ascend in pixels: what does each regularizer contribute (Pan et al. 2017, fig. 3)?"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dgnam_models.lab.evaluate.drawing import Pictures, as_pil
from dgnam_models.lab.evaluate.metrics import fine_detail
from dgnam_models.lab.paper.study import JUDGES, SHOWN, TARGET, Figure, Study, agreement, classes, opinions, sheet, spread
from dgnam_models.photographs import as_float

Way = Callable[[Sequence[str]], Pictures]  # from units' addresses to their pictures


def draw(study: Study) -> Figure:
    """A row for each way; see `contest` for the numbers."""
    published = {
        "none": ("normalized", {"gradient_normalization": 0.0}),
        "normalized": ("normalized", {}),
        "p-norm": ("p-norm", {}),
        "blur": ("blur", {}),
        "pyramid": ("pyramid", {}),
    }

    def way(label: str, method: str, options: Mapping[str, float]) -> Way:
        return lambda targets: study.draw_pixels(targets, label, method, **options)

    ways = {label: way(label, *asked) for label, asked in published.items()}
    return contest(study, ways, f"{TARGET}: the same classes by five ways to ascend in pixels", columns=5)


def contest(study: Study, ways: Mapping[str, Way], title: str, columns: int = SHOWN) -> Figure:
    """The same classes drawn in several `ways`, a row each.

    Numbers for each: the judges' agreement, the mean activation, the seconds a picture took, all being drawn at once, and two that tell
    grey mush and pixel noise: the contrast (the mean picture's standard deviation) and its share finer than four pixels. With
    photographs, those two of these.
    """
    target, judges = study.network(TARGET), [study.network(name) for name in JUDGES]
    names = spread(target.card.labels, study.units)
    numbers: dict[str, Any] = {"pictures": len(names)}
    rows = []
    for label, way in ways.items():
        started = time.monotonic()
        drawn = way(classes(target, names))
        seconds = (time.monotonic() - started) / len(names)
        called = {judge.name: opinions(judge, drawn.images) for judge in judges}
        numbers[label] = {
            **{name: agreement(calls, names) for name, calls in called.items()},
            "activation": round(drawn.activations.mean().item(), 2),
            "contrast": round(drawn.images.flatten(1).std(1).mean().item(), 3),
            "fine detail": round(fine_detail(drawn.images).mean().item(), 3),
            "seconds": round(seconds, 2),
        }
        captions = [
            [name, label, f"activation {value:.3g}", f"{JUDGES[0]}: {calls[0]}"]
            for name, value, calls in zip(names, drawn.activations.tolist(), called[JUDGES[0]], strict=True)
        ]
        rows.append((as_pil(drawn.images), captions))
    if (real := study.photographs(study.val, target)) is not None:
        images = as_float(real.pixels)
        numbers["photographs"] = {
            "contrast": round(images.flatten(1).std(1).mean().item(), 3),
            "fine detail": round(fine_detail(images).mean().item(), 3),
        }
    return Figure(sheet(rows, title, columns), numbers)
