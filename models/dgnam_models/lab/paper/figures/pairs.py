"""Every pair of five classes: does one picture hold both (S8)?"""

from itertools import combinations_with_replacement

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import JUDGES, TARGET, Figure, Study, opinions, sheet, spread

CLASSES = 5


def draw(study: Study) -> Figure:
    """A table of the classes by the classes: each alone on the diagonal, each pair above it and, with another seed, below.

    Numbers: the share of pictures of pairs where a judge has both names, and at least one, among its first five.
    """
    network, judges = study.network(TARGET), [study.network(name) for name in JUDGES]
    names = spread(network.card.labels, CLASSES)
    cells = list(combinations_with_replacement(names, 2))
    unit = {name: f"{TARGET}:{network.card.output_tap}:{network.card.labels.index(name)}" for name in names}
    wanted = [list(dict.fromkeys((unit[a], unit[b]))) for a, b in cells]
    images = study.draw(wanted, "pairs", variants=2, balance="equal-activation").images
    found = {judge.name: [set(calls) for calls in opinions(judge, images)] for judge in judges}
    drawn = [(cell, i) for i, cell in enumerate(cell for cell in cells for _ in range(2)) if cell[0] != cell[1]]
    shares = {
        judge: {
            "both": sum(set(cell) <= calls[i] for cell, i in drawn) / len(drawn),
            "one": sum(bool(set(cell) & calls[i]) for cell, i in drawn) / len(drawn),
        }
        for judge, calls in found.items()
    }
    pictures, rows = as_pil(images), []
    for a in names:
        places = [
            2 * cells.index((min(a, b, key=names.index), max(a, b, key=names.index))) + (names.index(a) > names.index(b)) for b in names
        ]
        captions = []
        for b, place in zip(names, places, strict=True):
            seen = [f"{judge}: {', '.join(sorted({a, b} & calls[place])) or 'neither'}" for judge, calls in found.items()]
            captions.append([a if a == b else f"{a} + {b}", *seen])
        rows.append(([pictures[place] for place in places], captions))
    title = f"{TARGET}: two classes in one picture, and which a judge sees"
    return Figure(sheet(rows, title), {"classes": names, "pictures of pairs": len(drawn), "names among the first five": shares})
