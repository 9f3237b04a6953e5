"""Names in requests -> models, taps, units. A name that nothing has is a violation of the reader's field, and gives None."""

from collections.abc import Sequence

from dgnam_models import Generator, ModelCard, Network
from dgnam_models.card import Tap
from dgnam_proto.v1.search_pb2 import CreateSearchRequest
from dgnam_proto.v1.synthesis_pb2 import DrawRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Position

from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.wording import listed, quoted

_LONGEST_NAME = 256  # characters: what is longer is nobody's name, and is not looked at


def network(reader: Reader, name: str) -> Network | None:
    """The classifier `name`."""
    networks = reader.catalog.networks
    if name in networks:
        return networks[name]
    names = sorted(networks)
    if not name:
        reader.invalid(f"a classifier is required: {listed(names)}")
    elif name in reader.catalog.generators:
        reader.invalid(f"{name} is a prior and has no units; the classifiers are {listed(names)}")
    else:
        why = reader.catalog.missing.get(name) or f"there is no model {quoted(name)}; {reader.suggestion(name, names)}"
        reader.missing("model", name, why)
    return None


def prior(reader: Reader, request: SynthesizeRequest | DrawRequest | CreateSearchRequest) -> Generator | None:
    """The prior that the request names, or the catalog's for its target."""
    generators, names = reader.catalog.generators, sorted(reader.catalog.generators)
    if not names:
        reader.at("prior").invalid("no prior is loaded here: load one, or draw with a method that needs none, such as pyramid")
        return None
    terms = request.target.terms[: reader.limits.max_terms] if isinstance(request, SynthesizeRequest) else []
    seen = [term.unit.model for term in terms]
    name = request.prior if request.HasField("prior") else reader.catalog.prior_for(seen)
    if name in generators:
        return generators[name]
    at_prior = reader.at("prior")
    if name in reader.catalog.networks:
        at_prior.invalid(f"{name} is a classifier and draws no pictures; the priors are {listed(names)}")
    else:
        why = reader.catalog.missing.get(name) or f"there is no prior {quoted(name)}; {at_prior.suggestion(name, names)}"
        at_prior.missing("prior", name, why)
    return None


def card(reader: Reader, name: str) -> ModelCard | None:
    """The card of the model `name` of either role."""
    cards = reader.catalog.cards
    if not name:
        reader.invalid(f"a model is required: {listed(list(cards))}")
    elif name not in cards:
        why = reader.catalog.missing.get(name) or f"there is no model {quoted(name)}; {reader.suggestion(name, list(cards))}"
        reader.missing("model", name, why)
    return cards.get(name)


def tap(reader: Reader, card: ModelCard, name: str) -> Tap | None:
    """The tap `name` of a classifier."""
    names = [tap.name for tap in card.taps]
    if name in names:
        return card.taps[names.index(name)]
    if not name:
        reader.invalid(f"a tap is required; {card.name} has {listed(names, 24)}, and its output tap is {card.output_tap}")
    else:
        reader.missing("tap", f"{card.name}:{name}", f"{card.name} has no tap {quoted(name)}; {reader.suggestion(name, names)}")
    return None


def known_tap(card: ModelCard, name: str) -> Tap:
    """A classifier's tap of a name that was checked."""
    return next(tap for tap in card.taps if tap.name == name)


def unit_by_index(reader: Reader, card: ModelCard, tap: Tap, index: int, bare: bool = False) -> int | None:
    """`index`, if the tap has such a unit; a `bare` number may not be the label of another."""
    place, labels = f"{card.name}:{tap.name}", labels_of(card, tap)
    if other := [labels[unit] for unit, number in numeric(labels).items() if bare and number == index != unit]:
        own = f"unit {index}, which is labelled {quoted(labels[index])}, is {place}:index={index}; " if index < len(labels) else ""
        labelled = f"the unit labelled {other[0]} is {place}:label={other[0]}"
        reader.invalid(f"{index} may be an index or a label, of different units: {own}{labelled}")
        return None
    if index < tap.shape[0]:
        return index
    reader.invalid(f"{index} is not between 0 and {tap.shape[0] - 1}, the units of {place}")
    return None


def numeric(labels: Sequence[str]) -> dict[int, int]:
    """The numbers that are units' labels, by the unit's index."""
    return {unit: int(label) for unit, label in enumerate(labels) if label.strip().isdecimal()}


def unit_by_label(reader: Reader, card: ModelCard, tap: Tap, label: str) -> int | None:
    """The index of the unit with this label; case, spaces, hyphens and underscores do not matter."""
    place = f"{card.name}:{tap.name}"
    labels = labels_of(card, tap)
    if not labels:
        where = f"; only {card.output_tap} has" if card.labels else ""
        reader.invalid(f"{place} has no labels{where}: give an index instead")
        return None
    wanted = _plain(label[: _LONGEST_NAME + 1])
    if not wanted:
        reader.invalid(f"the label is empty; {place} has labels such as {listed(labels, 3)}")
        return None
    found = [] if len(label) > _LONGEST_NAME else [index for index, known in enumerate(labels) if _plain(known) == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        reader.invalid(f"{quoted(label)} is the label of units {', '.join(map(str, found))}: give one of these as index instead")
        return None
    reader.missing("unit", f"{place}:{label}", f"{place} has no unit labelled {quoted(label)}; {reader.suggestion(label, labels, _plain)}")
    return None


def labels_of(card: ModelCard, tap: Tap) -> Sequence[str]:
    """The labels of a tap's units in order; empty where it has none."""
    return card.labels if tap.name == card.output_tap else ()


def position(reader: Reader, tap: Tap, message: Position) -> tuple[int, int]:
    """A place (y, x) in a convolutional tap's map, or of a token, whose map is one column."""
    if len(tap.shape) != 3:
        reader.invalid(f"{tap.name} is fully connected, and its units have no positions: leave it out")
    elif message.HasField("token"):
        if tap.shape[2] != 1:
            reader.invalid(f"{tap.name} is a map of {tap.shape[1]} x {tap.shape[2]} places and has no tokens: write @y,x")
        reader.at("token").within(message.token, 0, tap.shape[1] - 1)
        return (message.token, 0)
    else:
        for axis, value, length in (("y", message.y, tap.shape[1]), ("x", message.x, tap.shape[2])):
            reader.at(axis).within(value, 0, length - 1)
    return (message.y, message.x)


def _plain(label: str) -> str:
    return label.casefold().translate({ord(character): None for character in " -_"})
