"""Accuracy with layers removed or resized: which of them does the network need (Zeiler & Fergus 2013, table 3)?"""

import io
from typing import Any

from PIL import Image

import dgnam_models
from dgnam_models.lab.evaluate.drawing import contact_sheet
from dgnam_models.lab.paper.study import Figure, Study

WHOLE = "layers64"
VARIANTS = {
    WHOLE: "all layers",
    f"{WHOLE}-no-fc7": "fc7 removed",
    f"{WHOLE}-no-fc67": "fc6, fc7 removed",
    f"{WHOLE}-no-conv34": "conv3, conv4 removed",
    f"{WHOLE}-no-conv34-fc67": "conv3, conv4, fc6, fc7 removed",
    f"{WHOLE}-narrow-fc": "fc6, fc7 a quarter as wide",
    f"{WHOLE}-narrow-conv": "conv3 to conv5 half as wide",
    f"{WHOLE}-wide-conv": "conv3 to conv5 1.5 times as wide",
}
RECIPES = tuple(VARIANTS)


def draw(study: Study) -> Figure:
    """A bar for each variant, all trained for the same few steps.

    Numbers: the weights, in thousands, and the share of held-out photographs whose class comes first, and is among the first five.
    """
    cards = dgnam_models.cards(study.packs)
    numbers: dict[str, Any] = {}
    for name, title in VARIANTS.items():
        training = cards[name].training
        weights = sum(weight.numel() for weight in study.network(name).parameters())
        figures = {f"top{k}": training["figures"].get(f"val_top{k}") for k in (1, 5)}
        numbers[title] = {"recipe": name, "steps": training.get("steps"), "thousand weights": round(weights / 1000), **figures}
    with Image.open(io.BytesIO(_bars(numbers))) as drawn:
        return Figure(contact_sheet([drawn.convert("RGB")], [[]], scale=1, title="Layers removed or resized"), numbers)


def _bars(numbers: dict[str, Any]) -> bytes:
    from matplotlib.figure import Figure as Plot

    plot = Plot(figsize=(8, 0.5 + 0.5 * len(numbers)), layout="constrained")
    axes = plot.subplots()
    titles, shares = list(numbers)[::-1], [one["top1"] for one in numbers.values()][::-1]
    bars = axes.barh(titles, shares, color=["tab:gray" if title == VARIANTS[WHOLE] else "tab:blue" for title in titles])
    axes.bar_label(bars, [f"{numbers[title]['top1']:.1%}, {numbers[title]['thousand weights']:,} k weights" for title in titles], padding=4)
    axes.set(xlabel="held-out photographs called by their class", xlim=(0, 1.5 * max(shares)))
    file = io.BytesIO()
    plot.savefig(file, format="png", dpi=110)
    return file.getvalue()
