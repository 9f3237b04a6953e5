"""Target messages -> terms and their balance, checked."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from dgnam_models import Network
from dgnam_models.card import Tap
from dgnam_proto.v1.target_pb2 import Balance, Readout, Target, Term, Unit

from dgnam_server.rpc import lookup, pictures
from dgnam_server.rpc.errors import Reason
from dgnam_server.rpc.fields import Reader
from dgnam_server.synth import spec

READOUTS: Mapping[int, spec.Readout] = {
    Readout.READOUT_ACTIVATION: spec.Readout.ACTIVATION,
    Readout.READOUT_PROBABILITY: spec.Readout.PROBABILITY,
    Readout.READOUT_LOG_PROBABILITY: spec.Readout.LOG_PROBABILITY,
}
BALANCES: Mapping[int, spec.Balance] = {
    Balance.BALANCE_NONE: spec.Balance.NONE,
    Balance.BALANCE_GRADIENT_NORM: spec.Balance.GRADIENT_NORM,
    Balance.BALANCE_EQUAL_ACTIVATION: spec.Balance.EQUAL_ACTIVATION,
}
_OF_ALL_UNITS: Mapping[str, spec.Readout] = {  # the fields of a Unit that take in every unit of its tap
    "direction": spec.Readout.DIRECTION,
    "features": spec.Readout.FEATURES,
    "features_of": spec.Readout.FEATURES,
    "feature_map": spec.Readout.FEATURE_MAP,
    "random_maps_of": spec.Readout.RANDOM_MAPS,
    "channel_sums_of": spec.Readout.CHANNEL_SUMS,
    "gram_of": spec.Readout.GRAM,
    "sorted_maps": spec.Readout.SORTED_MAPS,
    "similar_to": spec.Readout.FEATURE_SIMILARITY,
    "similar_gram_to": spec.Readout.GRAM_SIMILARITY,
}
_OF_MAPS = (
    "feature_map",
    "random_maps_of",
    "channel_sums_of",
    "gram_of",
    "sorted_maps",
    "similar_gram_to",
)  # those that only a convolutional tap has
_OF_SEVERAL = ("sorted_maps", "similar_to", "similar_gram_to")  # those that name several pictures


def terms(reader: Reader, target: Target, usual: spec.Readout) -> tuple[spec.Term, ...]:
    """Those of the target's terms that are right; `pictured` adds the pictures that they name.

    Args:
        usual: what the method reads off units of an output tap.
    """
    most = reader.limits.max_terms
    at_terms = reader.at("terms")
    if not target.terms:
        at_terms.invalid("a target needs at least one term")
    elif len(target.terms) > most:
        at_terms.invalid(f"{len(target.terms)} terms are more than {most}")
    found: list[spec.Term] = []
    seen: dict[tuple[spec.Unit, spec.Readout], int] = {}
    for index, message in enumerate(target.terms[:most]):
        at_term = reader.at("terms", index)
        if (term := _term(at_term, message, usual)) is None:
            continue
        found.append(term)
        alike = index if term.readout in _OF_ALL_UNITS.values() else seen.setdefault((term.unit, term.readout), index)
        if alike != index:
            at_term.invalid(f"the unit and readout are those of target.terms[{alike}]: make one term of them, with one weight")
    return tuple(found)


async def pictured(reader: Reader, target: Target, found: tuple[spec.Term, ...], decode: pictures.Decode) -> tuple[spec.Term, ...]:
    """The terms of a target without violations, with the pictures whose features are wanted. Decodes them, which takes time."""
    whole = []
    decoded: dict[tuple[bytes, tuple[int, int]], np.ndarray | None] = {}  # a style is often wanted at several taps
    for index, (message, term) in enumerate(zip(target.terms, found, strict=True)):
        shown = []
        for at_picture, data in _pictures(reader.at("terms", index).at("unit"), message.unit):
            key = data, reader.catalog.networks[term.unit.model].input_size
            if key not in decoded:
                decoded[key] = await pictures.read(at_picture, decode, *key)
            shown.append(decoded[key])
        if shown and all(picture is not None for picture in shown):
            term = replace(term, pictures=np.stack([picture for picture in shown if picture is not None]))
        whole.append(term)
    return tuple(whole)


def _pictures(reader: Reader, message: Unit) -> list[tuple[Reader, bytes]]:
    """The fields with the pictures whose activations say what is wanted, and their files; empty: there are none."""
    kind = message.WhichOneof("unit")
    if kind == "feature_map":
        return [(reader.at(kind).at("of"), message.feature_map.of)]
    if kind in _OF_SEVERAL:
        return [(reader.at(kind).at("of", index), data) for index, data in enumerate(getattr(message, kind).of)]
    return [(reader.at(kind), getattr(message, kind))] if kind is not None and kind.endswith("_of") else []


def balance(reader: Reader, target: Target) -> spec.Balance:
    """How the terms are brought together."""
    return reader.at("balance").choice(target.balance, BALANCES, Balance) or spec.Balance.NONE


def _term(reader: Reader, message: Term, usual: spec.Readout) -> spec.Term | None:
    weight = message.weight if message.HasField("weight") else 1.0
    reader.at("weight").finite(weight)
    asked = reader.at("readout").choice(message.readout, READOUTS, Readout)
    at_unit = reader.at("unit")
    if not message.HasField("unit"):
        at_unit.invalid("a unit is required: a model, a tap, and an index or a label")
        return None
    network = lookup.network(at_unit.at("model"), message.unit.model)
    if network is None:
        return None
    if why := network.card.forward_only:
        at_unit.at("model").unmet(
            Reason.NOT_DIFFERENTIABLE, f"nothing can be drawn for {network.name}, which gives no usable gradients: {why}"
        )
    tap = lookup.tap(at_unit.at("tap"), network.card, message.unit.tap)
    if tap is None:
        return None
    kind = message.unit.WhichOneof("unit")
    if kind in _OF_ALL_UNITS:
        if message.readout:
            reader.at("readout").invalid(f"{kind} is read in a way of its own: leave the readout out")
        return replace(_all_units(at_unit, message.unit, network, tap), weight=weight)
    readout = asked or (usual if tap.name == network.card.output_tap else spec.Readout.ACTIVATION)
    if readout is not spec.Readout.ACTIVATION and tap.name != network.card.output_tap:
        name, output = Readout.Name(message.readout), network.card.output_tap
        reader.at("readout").invalid(f"{name} is of units of the output tap {output} only, not of {tap.name}")
    unit = _one_unit(at_unit, message.unit, network, tap)
    return None if unit is None else spec.Term(unit, weight, readout)


def _one_unit(reader: Reader, message: Unit, network: Network, tap: Tap) -> spec.Unit | None:
    index = None
    match message.WhichOneof("unit"):
        case "index":
            index = lookup.unit_by_index(reader.at("index"), network.card, tap, message.index, message.bare)
        case "label":
            index = lookup.unit_by_label(reader.at("label"), network.card, tap, message.label)
        case _:
            reader.invalid("an index or a label is required")
    position = lookup.position(reader.at("position"), tap, message.position) if message.HasField("position") else None
    return None if index is None else spec.Unit(network.name, tap.name, index, position)


def _all_units(reader: Reader, message: Unit, network: Network, tap: Tap) -> spec.Term:
    """A term that takes in all units of its tap; of a picture's features, without the picture."""
    kind = message.WhichOneof("unit")
    assert kind is not None
    position = None
    if message.HasField("position"):
        if kind == "direction":
            position = lookup.position(reader.at("position"), tap, message.position)
        else:
            reader.at("position").invalid("all of the map is read: leave it out")
    unit = spec.Unit(network.name, tap.name, 0, position)
    if kind in _OF_MAPS and len(tap.shape) != 3:
        reader.at(kind).invalid(f"{tap.name} is fully connected and has no maps: choose a convolutional tap")
    elif kind == "feature_map":
        index = lookup.unit_by_index(reader.at(kind).at("index"), network.card, tap, message.feature_map.index)
        unit = replace(unit, index=index or 0)
    if kind in _OF_SEVERAL:
        relevant = _relevant_to(reader.at(kind).at("relevant_to"), message, network, tap) if kind == "sorted_maps" else None
        pictures.check_several(reader.at(kind), getattr(message, kind).of)
        return spec.Term(unit, readout=_OF_ALL_UNITS[kind], relevant_to=relevant)
    if shown := _pictures(reader, message):
        pictures.check(*shown[0])
        return spec.Term(unit, readout=_OF_ALL_UNITS[kind])
    wanted, shape = (message.features, tap.shape) if kind == "features" else (message.direction, tap.shape[:1])
    vector = reader.at(kind).array(wanted, shape, f"{network.name}:{tap.name}")
    if vector is not None and not vector.any():
        reader.at(kind).at("data").invalid("all values are zero")
    return spec.Term(unit, readout=_OF_ALL_UNITS[kind], vector=None if vector is None else vector.flatten())


def _relevant_to(reader: Reader, message: Unit, network: Network, tap: Tap) -> spec.Unit | None:
    """The unit that decides how much each map of a tap counts, which must lie behind that tap; None: there is none."""
    if not message.sorted_maps.HasField("relevant_to"):
        return None
    asked = message.sorted_maps.relevant_to
    if asked.model != network.name:
        reader.at("model").invalid(f"it must be {network.name}, whose maps are weighed")
        return None
    behind = lookup.tap(reader.at("tap"), network.card, asked.tap)
    if behind is None:
        return None
    names = [known.name for known in network.card.taps]
    if names.index(behind.name) <= names.index(tap.name):
        reader.at("tap").invalid(f"{behind.name} does not lie behind {tap.name}: weigh the maps of a tap before it, or leave the unit out")
        return None
    return _one_unit(reader, asked, network, behind)
