"""Names in requests -> models, taps, units. What is not there is added to the problems and comes back as None."""

from collections.abc import Sequence

from dgnam_models import Generator, ModelCard, Network
from dgnam_models.card import Tap

from dgnam_server.catalog import Catalog
from dgnam_server.rpc.problems import Problems, listed, nearest, quoted


def network(catalog: Catalog, name: str, path: str, problems: Problems) -> Network | None:
    """The classifier `name`, named by the field `path`."""
    if name in catalog.networks:
        return catalog.networks[name]
    names = sorted(catalog.networks)
    if not name:
        problems.invalid(path, f"is empty; name a classifier: {listed(names)}")
    elif name in catalog.generators:
        problems.invalid(path, f"{name} is a prior, which draws pictures and has no units; classifiers are {listed(names)}")
    else:
        problems.missing(path, "model", name, f"there is no model {quoted(name)}; {nearest(name, names)}")
    return None


def generator(catalog: Catalog, name: str, path: str, problems: Problems) -> Generator | None:
    """The prior `name`, named by the field `path`."""
    if name in catalog.generators:
        return catalog.generators[name]
    names = sorted(catalog.generators)
    if name in catalog.networks:
        problems.invalid(path, f"{name} is a classifier, which cannot draw pictures; priors are {listed(names)}")
    else:
        problems.missing(path, "prior", name, f"there is no prior {quoted(name)}; {nearest(name, names)}")
    return None


def card(catalog: Catalog, name: str, path: str, problems: Problems) -> ModelCard | None:
    """The card of the model `name` of either role, named by the field `path`."""
    cards = catalog.cards
    if not name:
        problems.invalid(path, f"is empty; name a model: {listed(list(cards))}")
    elif name not in cards:
        problems.missing(path, "model", name, f"there is no model {quoted(name)}; {nearest(name, list(cards))}")
    return cards.get(name)


def tap(card: ModelCard, name: str, path: str, problems: Problems) -> Tap | None:
    """The tap `name` of a classifier, named by the field `path`."""
    names = [tap.name for tap in card.taps]
    if name in names:
        return card.taps[names.index(name)]
    if not name:
        problems.invalid(path, f"is empty; {card.name} has the taps {listed(names, 24)}, its output tap is {card.output_tap}")
    else:
        problems.missing(path, "tap", f"{card.name}:{name}", f"{card.name} has no tap {quoted(name)}; {nearest(name, names)}")
    return None


def unit_by_index(card: ModelCard, tap: Tap, index: int, path: str, problems: Problems) -> int | None:
    """`index`, if the tap has such a unit."""
    if index < tap.shape[0]:
        return index
    problems.invalid(path, f"is {index}; {card.name}:{tap.name} has units 0 to {tap.shape[0] - 1}")
    return None


def unit_by_label(card: ModelCard, tap: Tap, label: str, path: str, problems: Problems) -> int | None:
    """The index of the unit with this label; case, spaces, hyphens and underscores do not matter."""
    labels = labels_of(card, tap)
    if not labels:
        where = f"labels exist on the tap {card.output_tap}" if card.labels else "no tap of this model has"
        problems.invalid(path, f"is a label, but {card.name}:{tap.name} has none; {where}; give an index")
        return None
    if not (wanted := _plain(label)):
        problems.invalid(path, f"is empty; {card.name}:{tap.name} has labels such as {listed(labels, 3)}")
        return None
    found = [index for index, known in enumerate(labels) if _plain(known) == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        problems.invalid(path, f"{quoted(label)} is the label of units {', '.join(map(str, found))}; give one of these as index")
        return None
    description = f"no unit of {card.name}:{tap.name} is labelled {quoted(label)}; {nearest(label, labels, _plain)}"
    problems.missing(path, "unit", f"{card.name}:{tap.name}:{label}", description)
    return None


def labels_of(card: ModelCard, tap: Tap) -> Sequence[str]:
    """The labels of a tap's units in order; empty where it has none."""
    return card.labels if tap.name == card.output_tap else ()


def _plain(label: str) -> str:
    return label.casefold().translate({ord(character): None for character in " -_"})
