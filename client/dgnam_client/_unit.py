"""Units: their addresses as text, what may stand in a unit's place, and their message.

An address is `model:tap:unit`, with `@y,x` after it for a place in a convolutional tap's map, or `@n` for a token of a sequence. The
unit is an index where it is all digits, else a label; `index=7` and `label=7` say which. The server refuses bare digits where another unit
has them as its label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgnam_proto.v1 import target_pb2

from ._errors import InvalidAddressError
from ._picture_file import PictureLike, is_picture, picture_file

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_POSITION = re.compile(r"(?P<unit>.*)@\s*(?P<y>\d+)\s*(?:,\s*(?P<x>\d+))?", re.DOTALL)
_FORM = re.compile(r"(?P<form>index|label)\s*=\s*(?P<unit>.*)", re.DOTALL)
Position = tuple[int, int] | int  # (y, x) in a map, or the place of a token


class Bare(int):
    """A unit's number as an address has it, without a word on whether it is an index or a label."""


@dataclass(frozen=True, eq=False, repr=False)
class Direction:
    """In place of a unit: a weighted sum of all units of a tap.

    Attributes:
        vector: A weight for each unit, or for each channel of a convolutional tap.
    """

    vector: ArrayLike

    def __str__(self) -> str:
        return "direction"

    def __repr__(self) -> str:
        weights: Any = self.vector  # which would show all its values, or some of them on many lines
        return f"<Direction of {len(weights)} units>" if hasattr(weights, "__len__") else f"<Direction {weights!r}>"


@dataclass(frozen=True, eq=False, repr=False)
class Features:
    """In place of a unit: all activations of a tap as they ought to be, so that the network cannot tell the picture from another one
    (Pan et al. 2017, eq. 4). The activation is minus the relative squared distance; 0 is the best.

    Attributes:
        of: The picture that gives the activations (a PIL image, a path, a file's bytes, a Result), or the activations themselves, an
            array of the tap's shape.
    """

    of: Any

    def __str__(self) -> str:
        return "features"

    def __repr__(self) -> str:
        of = self.of
        if isinstance(of, bytes | bytearray | memoryview):
            return f"<Features of a picture, {len(of)} bytes>"
        return f"<Features of shape {of.shape}>" if hasattr(of, "shape") else f"<Features of {of!r}>"


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """In place of a unit: the activations of a picture, all that is active gathered in one feature map, so that what is drawn shows what
    one filter makes of the picture (Xia et al. 2016). The activation is minus the relative squared distance.

    Attributes:
        of: The picture (a PIL image, a path, a file's bytes, a Result).
        index: The map, a channel of a convolutional tap.
    """

    of: PictureLike
    index: int

    def __str__(self) -> str:
        return f"map-{self.index}"


@dataclass(frozen=True, eq=False)
class RandomMaps:
    """In place of a unit: the activations of a picture, the shares of the feature maps drawn at random from the seed, so that what is
    drawn shows its neurons in another mixture of textures (Xia et al. 2016). Each of a call's variants is another draw.

    Attributes:
        of: The picture (a PIL image, a path, a file's bytes, a Result).
    """

    of: PictureLike

    def __str__(self) -> str:
        return "random-maps"


@dataclass(frozen=True, eq=False)
class ChannelSums:
    """In place of a unit: the mean of each feature map as a picture gives it, which is its style (Xia et al. 2016). The activation is minus
    the relative squared distance.

    Attributes:
        of: The picture (a PIL image, a path, a file's bytes, a Result).
    """

    of: PictureLike

    def __str__(self) -> str:
        return "channel-sums"


@dataclass(frozen=True, eq=False)
class Gram:
    """In place of a unit: the Gram matrix of the feature maps as a picture gives it, which is its style (Gatys et al. 2016). The activation
    is minus the relative squared distance.

    Attributes:
        of: The picture (a PIL image, a path, a file's bytes, a Result).
    """

    of: PictureLike

    def __str__(self) -> str:
        return "gram"


@dataclass(frozen=True, eq=False)
class SortedMaps:
    """In place of a unit: in each feature map the distribution of activations that exemplars give it, wherever in the picture they are
    (VITAL, Görgün et al. 2025). The activation is minus the relative squared distance.

    Attributes:
        of: The exemplars (PIL images, paths, files' bytes, Results).
        relevant_to: A unit of the same network behind the tap: each map counts as much as it speaks for this unit; None: all alike.
    """

    of: Sequence[PictureLike]
    relevant_to: Unit | None = None

    def __str__(self) -> str:
        return "sorted-maps"


@dataclass(frozen=True, eq=False)
class Similar:
    """In place of a unit: the mean cosine with what pictures give the tap, from -1 to 1. With a negative weight, what is drawn differs from
    them on purpose (the diversity of Olah et al. 2017).

    Attributes:
        to: The pictures (PIL images, paths, files' bytes, Results).
        gram: Whether the Gram matrices of the maps are compared, in place of the activations.
    """

    to: Sequence[PictureLike]
    gram: bool = False

    def __str__(self) -> str:
        return "similar-gram" if self.gram else "similar"


WholeTap = Direction | Features | FeatureMap | RandomMaps | ChannelSums | Gram | SortedMaps | Similar


@dataclass(frozen=True)
class Unit:
    """One unit of one network, or what takes a unit's place.

    Attributes:
        model: The classifier's name.
        tap: The tap's name.
        unit: The unit's index, or its label (upper and lower case, spaces, hyphens and underscores do not matter); or a Direction,
            Features, FeatureMap, RandomMaps, ChannelSums, Gram, SortedMaps or Similar.
        position: (y, x) in a convolutional tap's map, or the number of a token in its sequence; None: the mean over all of them.
    """

    model: str
    tap: str
    unit: int | str | WholeTap
    position: Position | None = None

    @classmethod
    def parse(cls, address: str) -> Unit:
        """Read an address such as `alexnet64:fc8:lemon`, `alexnet64:conv5:12@6,6`, `vit:blocks.3:12@0` or `digits:fc:label=7`.

        Raises:
            InvalidAddressError: The text is not an address.
        """
        parts = [part.strip() for part in address.split(":", 2)]
        if len(parts) != 3 or not all(parts):
            raise InvalidAddressError(f"{address!r} is not a unit address")
        model, tap, unit = parts
        unit, position = split_position(address, unit)
        return cls(model, tap, index_or_label(address, unit), position)

    @property
    def whole_tap(self) -> bool:
        """Whether all of the tap is read, not one unit of it."""
        return isinstance(self.unit, WholeTap)

    def __str__(self) -> str:
        return f"{self.model}:{self.tap}:{unit_text(self.unit)}{position_text(self.position)}"


def unit_text(unit: object) -> str:
    """A unit as an address names it; a label that would read as something else in its own form."""
    text = str(unit)
    return f"label={text}" if isinstance(unit, str) and (_is_number(text) or _FORM.fullmatch(text)) else text


def position_text(position: Position | None) -> str:
    """A place as an address names it."""
    return "" if position is None else f"@{position}" if isinstance(position, int) else "@{},{}".format(*position)


def split_position(address: str, last: str) -> tuple[str, Position | None]:
    """The last part of an address without the `@y,x` or `@n` at its end, and that.

    Raises:
        InvalidAddressError: There is an @, and not y,x after it or nothing before it.
    """
    if "@" not in last:
        return last, None
    place = _POSITION.fullmatch(last)
    if place is None or not place["unit"].strip():
        raise InvalidAddressError(f"{address!r} is not an address: write a name, then @, then y,x, or the number of a token")
    position = int(place["y"]) if place["x"] is None else (int(place["y"]), int(place["x"]))
    return place["unit"].strip(), position


def index_or_label(address: str, unit: str) -> int | str:
    """The unit that an address names: an index where it is all digits, unless it says itself what it is.

    Raises:
        InvalidAddressError: It says `index=`, and no number follows.
    """
    if (form := _FORM.fullmatch(unit)) is None:
        return Bare(unit) if _is_number(unit) else unit
    if form["form"] == "label" and form["unit"]:
        return form["unit"]
    if not _is_number(form["unit"]):
        raise InvalidAddressError(f"{address!r} is not an address: write {form['form']}= and then the unit's")
    return int(form["unit"])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def unit_message(unit: Unit) -> target_pb2.Unit:
    """The message of a unit.

    Raises:
        InvalidAddressError: An index or position is out of range, or a vector does not hold numbers.
    """
    message = target_pb2.Unit(model=unit.model, tap=unit.tap)
    try:
        if isinstance(unit.unit, str):
            message.label = unit.unit
        elif isinstance(unit.unit, WholeTap):
            _set_whole_tap(message, unit.unit)
        else:
            message.index, message.bare = unit.unit, isinstance(unit.unit, Bare)
        if unit.position is not None:
            message.position.CopyFrom(position_message(unit.position))
    except (TypeError, ValueError) as error:
        raise InvalidAddressError(f"{unit} is not a unit address: {error}") from None
    return message


def position_message(position: Position) -> target_pb2.Position:
    """The message of a place. Made at once: a position at (0, 0) has nothing but its presence to tell."""
    if isinstance(position, int):
        return target_pb2.Position(token=position)
    return target_pb2.Position(y=position[0], x=position[1])


def read_position(message: target_pb2.Position) -> Position:
    """The place of a message."""
    return message.token if message.HasField("token") else (message.y, message.x)


def read_unit(message: target_pb2.Unit) -> Unit:
    """The unit of a message."""
    position = read_position(message.position) if message.HasField("position") else None
    return Unit(message.model, message.tap, _read(message), position)


_OF_PICTURES: dict[str, type[RandomMaps | ChannelSums | Gram]] = {
    "random_maps_of": RandomMaps,
    "channel_sums_of": ChannelSums,
    "gram_of": Gram,
}


def _set_whole_tap(message: target_pb2.Unit, what: WholeTap) -> None:
    from dgnam_proto import arrays

    if isinstance(what, Direction):
        message.direction.CopyFrom(arrays.to_message(what.vector))
    elif isinstance(what, FeatureMap):
        message.feature_map.CopyFrom(target_pb2.FeatureMap(index=what.index, of=picture_file(what.of, field="feature_map")))
    elif isinstance(what, SortedMaps):
        relevant = None if what.relevant_to is None else unit_message(what.relevant_to)
        files = [picture_file(picture, field="sorted_maps") for picture in what.of]
        message.sorted_maps.CopyFrom(target_pb2.SortedMaps(of=files, relevant_to=relevant))
    elif isinstance(what, Similar):
        field = "similar_gram_to" if what.gram else "similar_to"
        getattr(message, field).CopyFrom(target_pb2.Pictures(of=[picture_file(picture, field=field) for picture in what.to]))
    elif not isinstance(what, Features):
        field = next(name for name, kind in _OF_PICTURES.items() if isinstance(what, kind))
        setattr(message, field, picture_file(what.of, field=field))
    elif is_picture(what.of):
        message.features_of = picture_file(what.of, field="features")
    else:
        message.features.CopyFrom(arrays.to_message(what.of))


def _read(message: target_pb2.Unit) -> int | str | WholeTap:
    match message.WhichOneof("unit"):
        case "label":
            return message.label
        case "features_of":
            return Features(message.features_of)
        case "feature_map":
            return FeatureMap(message.feature_map.of, message.feature_map.index)
        case "random_maps_of" | "channel_sums_of" | "gram_of" as field:
            return _OF_PICTURES[field](getattr(message, field))
        case "sorted_maps":
            found = message.sorted_maps
            return SortedMaps(tuple(found.of), read_unit(found.relevant_to) if found.HasField("relevant_to") else None)
        case "similar_to" | "similar_gram_to" as field:
            return Similar(tuple(getattr(message, field).of), gram=field == "similar_gram_to")
        case "direction" | "features" as kind:
            from dgnam_proto import arrays

            array = arrays.from_message(getattr(message, kind))
            return Direction(array) if kind == "direction" else Features(array)
    return Bare(message.index) if message.bare else message.index
