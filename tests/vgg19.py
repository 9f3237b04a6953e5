"""VGG-19 as the catalog tells of it: its taps and their shapes, no weights."""

from __future__ import annotations

from typing import Any

from dgnam_client import Model, Tap


def model(*taps: tuple[str, int, int]) -> Model:
    rest: dict[str, Any] = dict.fromkeys(("description", "licence", "digest", "architecture"), "")
    shapes = tuple(Tap(name, (channels, side, side)) for name, channels, side in taps)
    return Model("vgg19", "classifier", image_size=(224, 224), output_tap="fc8", code=None, taps=(*shapes, Tap("fc8", (3,))), **rest)


VGG19 = model(
    *(
        (f"{kind}{block}_{depth}", 64, 224 >> (block - 1))
        for block, count in enumerate((2, 2, 4, 4, 4), 1)
        for depth in range(1, count + 1)
        for kind in ("conv", "relu")
    )
)
