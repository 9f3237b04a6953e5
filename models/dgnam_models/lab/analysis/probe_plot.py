"""The accuracies of probes as curves. Importing this file needs Matplotlib, an extra."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from dgnam_models.lab.analysis.probes import Layer

_DPI = 110


def drawn(found: Mapping[str, Sequence[Layer]], chance: float, kind: str = "png") -> bytes:
    """A file: for each network its accuracy by layer, and, where there are few-shot figures, each layer's by training pictures of a class.

    Args:
        found: by the network's name.
        chance: the accuracy of guessing.

    Raises:
        ValueError: Matplotlib writes no files of this kind.
    """
    few = any(layer.few for layers in found.values() for layer in layers)
    figure = Figure(figsize=(11 if few else 6.5, 3.8 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), 2 if few else 1, squeeze=False)
    for row, (name, layers) in zip(panels, found.items(), strict=True):
        row[0].plot([layer.tap for layer in layers], [layer.accuracy for layer in layers], marker="o")
        row[0].tick_params("x", rotation=60)
        row[0].set(title=f"{name}: all training pictures", ylabel="accuracy on held-out pictures")
        if few:
            for layer in layers:
                counts, scores = list(layer.few), list(layer.few.values())
                row[1].errorbar(counts, [mean for mean, _ in scores], [std for _, std in scores], marker=".", label=layer.tap)
            row[1].set(title=f"{name}: few training pictures", xlabel="training pictures of each class", xscale="log")
            row[1].set_xticks(counts, list(map(str, counts)))
            row[1].minorticks_off()
            row[1].legend(fontsize=7, frameon=False)
        for axes in row:
            axes.axhline(chance, color="grey", linestyle=":")
            axes.set_ylim(0, 1)
    file = io.BytesIO()
    figure.savefig(file, format=kind, dpi=_DPI)
    return file.getvalue()
