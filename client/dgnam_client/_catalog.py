"""What the server tells about its models, their units, and its methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Tap:
    """A layer's output.

    Attributes:
        name: Its name in addresses.
        shape: One image's activations: (channels, height, width) or (units,).
    """

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Code:
    """A prior's input.

    Attributes:
        size: How many numbers it has.
        encoder: The network whose activations the prior inverts.
        tap: Where in it.
        start_learning_rate: The default for codes of this scale.
        option_defaults: Further defaults with this prior, by the method's and the option's name; they come before the method's.
    """

    size: int
    encoder: str
    tap: str
    start_learning_rate: float
    option_defaults: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Model:
    """A network that the server has.

    Attributes:
        name: Its name in addresses and in `prior`.
        role: "classifier" (has units to aim at), "prior" (draws pictures from codes) or "unknown".
        description: What it is.
        licence: The licence of its weights.
        digest: SHA-256 of the weight file.
        architecture: The architecture's name.
        image_size: (height, width) in pixels.
        output_tap: The tap whose units the labels name.
        code: A prior's input; None of a classifier.
        forward_only: Why nothing can be drawn for a classifier whose gradients cannot be used; empty where they can.
        indices: The server's indices of photographs for this network; `exemplars` uses the first where it is told none.
        default_projection: The method of a call of `project` that names none: "deconvnet" where the network has max pooling, else
            "guided-backpropagation"; empty of what cannot be projected.
        taps: Its layers. Only `Client.model()` fills this and the following ones.
        labels: The names of the output tap's units, by index.
        training: How it was trained and how well.
    """

    name: str
    role: Literal["classifier", "prior", "unknown"]
    description: str
    licence: str = field(repr=False)
    digest: str = field(repr=False)
    architecture: str = field(repr=False)
    image_size: tuple[int, int]
    output_tap: str
    code: Code | None
    forward_only: str = ""
    indices: tuple[str, ...] = field(default=(), repr=False)
    default_projection: str = field(default="", repr=False)
    taps: tuple[Tap, ...] = field(default=(), repr=False)
    labels: tuple[str, ...] = field(default=(), repr=False)
    training: dict[str, Any] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        height, width = self.image_size
        more = [f"{len(self.taps)} taps"] * bool(self.taps) + [f"{len(self.labels)} labels"] * bool(self.labels)
        return f"<Model {self.name}: {', '.join([self.role, f'{height} x {width} px', *more])}>"


@dataclass(frozen=True, repr=False)
class UnitInfo:
    """A unit that can be a target.

    Attributes:
        index: Its index in the tap.
        label: Its name; empty where the tap has no labels.
        address: What to pass to `synthesize`.
    """

    index: int
    label: str
    address: str

    def __repr__(self) -> str:
        return f"<UnitInfo {self.address}{self.label and f': {self.label}'}>"


@dataclass(frozen=True)
class Option:
    """One tunable of a method.

    Attributes:
        name: The keyword of the calls that draw.
        description: What it does.
        minimum: The smallest value allowed.
        maximum: The largest value allowed.
        default: The value where none is given; None: taken from elsewhere, `start_learning_rate` from the prior, `end_x` from `x`.
            A prior may have another: `Code.option_defaults`.
        integer: Whether only integers are allowed.
        part: The part of the method that it tunes, such as "bound" or "total-variation"; "method" where it is the method's own.
    """

    name: str
    description: str
    minimum: float
    maximum: float
    default: float | None
    integer: bool = False
    part: str = "method"


@dataclass(frozen=True, repr=False)
class Method:
    """A procedure that draws pictures.

    Attributes:
        name: What to pass as `method`.
        description: What it does.
        citation: Where it was published.
        options: Its tunables.
        pixels: Whether it optimizes the picture itself (`synthesize_pixels`), or a prior's code (`synthesize`).
    """

    name: str
    description: str
    citation: str = field(repr=False)
    options: tuple[Option, ...] = field(repr=False)
    pixels: bool = False

    def __repr__(self) -> str:
        return f"<Method {self.name}: {'pixels' if self.pixels else 'with a prior'}, {len(self.options)} options>"


@dataclass(frozen=True, repr=False)
class Methods:
    """The server's methods; iterates over them.

    Attributes:
        methods: All of them.
        default_method: The one used where a call of `synthesize` names none.
        default_prior: The prior used where a call names none.
        default_pixel_method: The one used where a call of `synthesize_pixels` names none.
        projections: The methods of `project`, which are not among the others.
        default_projection: The one used where a call of `project` names none, for networks with max pooling; of each network
            `Model.default_projection` tells.
    """

    methods: tuple[Method, ...]
    default_method: str
    default_prior: str
    default_pixel_method: str = ""
    projections: tuple[Method, ...] = ()
    default_projection: str = ""

    def __iter__(self) -> Iterator[Method]:
        return iter(self.methods)

    def __len__(self) -> int:
        return len(self.methods)

    def __repr__(self) -> str:
        return f"<Methods {', '.join(method.name for method in self.methods)}>"
