"""A linear classifier on each layer, for classes that the network was not trained on (Zeiler & Fergus 2013, table 7)?"""

import io
from typing import Any

import torch
from PIL import Image

from dgnam_models.lab.analysis import probe_plot, probes
from dgnam_models.lab.evaluate.drawing import contact_sheet
from dgnam_models.lab.paper.looking import networks
from dgnam_models.lab.paper.study import TARGET, Figure, Study, spread
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs
from dgnam_models.preprocess import resize

LAYERS, PER_CLASS, REPEATS = 8, (1, 2, 5, 10), 3
DRAWN = 5  # pictures of a class where there are no photographs


def draw(study: Study) -> Figure:
    """For each network its accuracy by layer, and few-shot curves (fig. 9), on the photographs of --scenes-val, else of --val.

    Numbers: for each network and layer the accuracy on every fifth picture of each class with all others to fit on, and with few of them.
    """
    numbers: dict[str, Any] = {}
    found, chance = {}, 0.0
    for network in networks(study):
        photographs = _photographs(study, network)
        training, held = probes.held_out(photographs, min(5, int(photographs.labels.bincount().min())))
        least = int(training.labels.bincount().min())
        settings = probes.Settings([count for count in PER_CLASS if count < least], REPEATS, seed=study.seed)
        taps = [probes.PIXELS, *_layers(network, held)]
        seen = [(probes.features(network, one, taps), one.labels) for one in (training, held)]
        layers = found[network.name] = probes.probe(seen[0], seen[1], settings)
        chance = float(held.labels.bincount().max()) / len(held)
        numbers[network.name] = {
            "classes": len(held.names),
            "training": len(training),
            "held out": len(held),
            "chance": round(chance, 4),
            "accuracy": {layer.tap: round(layer.accuracy, 4) for layer in layers},
            "few": {layer.tap: {str(count): round(mean, 4) for count, (mean, _) in layer.few.items()} for layer in layers},
        }
    with Image.open(io.BytesIO(probe_plot.drawn(found, chance))) as drawn:
        return Figure(contact_sheet([drawn.convert("RGB")], [[]], scale=1, title="What a linear classifier makes of each layer"), numbers)


def _photographs(study: Study, network: Network) -> Photographs:
    sources = study.scenes_val or study.val
    real = study.photographs(sources, network)
    if real is not None:
        return real
    target = study.network(TARGET)
    names = spread(target.card.labels, max(2, min(study.units, 10)))
    drawn = study.draw_classes(target, names, "in place of photographs", variants=DRAWN)
    labels = torch.arange(len(names)).repeat_interleave(DRAWN)
    pixels = (resize(drawn.images, network.input_size) * 255).round().clamp(0, 255).to(torch.uint8)
    return Photographs(pixels, labels, tuple(names))


def _layers(network: Network, held: Photographs) -> list[str]:
    """Taps evenly spread: of those that are rectified, where there are enough; the last before the output is always there."""
    others = [tap.name for tap in network.card.taps if tap.name != network.card.output_tap]
    values = network.activations(held.pixels[:4].float() / 255, others)
    rectified = [tap for tap in others if float(values[tap].min()) >= 0]
    chosen = rectified if len(rectified) > LAYERS // 2 else others
    return [*spread(chosen[:-1], LAYERS - 1), chosen[-1]]
