"""The same classes of networks of three architectures: how well does the prior fit those unlike its encoder (3.3)?"""

from collections.abc import Callable, Sequence
from typing import Any

from dgnam_models.lab.evaluate.drawing import Pictures, as_pil
from dgnam_models.lab.paper.study import JUDGES, TARGET, Figure, Study, agreement, opinions, sheet, spread
from dgnam_models.network import Network


def draw(study: Study) -> Figure:
    """A row for each network; numbers: how often each of the networks names the pictures drawn for each."""
    title = f"The prior of {TARGET} draws for networks of other architectures"
    return compare(study, lambda network, names: study.draw_classes(network, names, network.name), title)


def compare(study: Study, drawn: Callable[[Network, Sequence[str]], Pictures], title: str) -> Figure:
    """The same classes of each network, as `drawn` draws them."""
    networks = [study.network(name) for name in (TARGET, *JUDGES)]
    names = spread([name for name in networks[0].card.labels if all(name in n.card.labels for n in networks)], study.units)
    numbers: dict[str, Any] = {"pictures": len(names)}
    rows = []
    for target in networks:
        images = drawn(target, names).images
        called = {network.name: opinions(network, images) for network in networks}
        others = [network.name for network in networks if network is not target]
        found = {name: agreement(calls, names) for name, calls in called.items()}
        mean = {key: round(sum(found[name][key] for name in others) / len(others), 4) for key in ("top1", "top5")}
        numbers[f"drawn for {target.name}"] = {**{f"{name} names it": value for name, value in found.items()}, "mean of the others": mean}
        captions = [[name, f"for {target.name}", *(f"{other}: {called[other][i][0]}" for other in others)] for i, name in enumerate(names)]
        rows.append((as_pil(images), captions))
    return Figure(sheet(rows, title), numbers)
