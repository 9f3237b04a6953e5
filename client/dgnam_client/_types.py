"""Records: the options of a synthesis, and what the server tells about its models, its methods and itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ._target import Balance, Readout

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from ._result import Result

Determinism = Literal["rounding", "strict"]


class SynthesisOptions(TypedDict, total=False):
    """The tunables of a synthesis. What is not given, or None, is the server's default, which the result's recipe records.

    Attributes:
        prior: The trained generator that draws, as `models()` names it.
        method: The procedure, as `methods()` names it.
        steps: How many.
        start_learning_rate: The learning rate goes linearly from here to the end; it is in units of the prior's code.
        end_learning_rate: Its value at the last step.
        decay: The share by which the code shrinks at each step.
        bound_multiplier: A code unit stays below mean + this * standard deviation of real photographs' codes.
        reconstruction_weight: With "ppgn", how far the code goes at each step towards the encoder's code of the picture, from 0 to 1.
        langevin_noise: With "ppgn", the standard deviation of the noise that each step adds to the code.
        end_langevin_noise: Where it goes linearly.
        noise_level: With "diffusion", the noise that the code starts with, in standard deviations of photographs' codes.
        end_noise_level: What it falls to.
        churn: With "diffusion", the share of that noise's variance that each step replaces by new.
        seed: Another seed, another picture. Variant v uses seed + v.
        start: Where to start: a code (an array, such as another result's `.code`) or a picture (PIL image, path, a file's bytes).
        preview_interval: A preview picture every so many steps; 0: none.
        determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
        balance: How several units are brought together: "none" (the plain weighted sum), "gradient-norm" or "equal-activation".
        readout: What is read off the units: "activation", "probability" or "log-probability".
    """

    prior: str | None
    method: str | None
    steps: int | None
    start_learning_rate: float | None
    end_learning_rate: float | None
    decay: float | None
    bound_multiplier: float | None
    reconstruction_weight: float | None
    langevin_noise: float | None
    end_langevin_noise: float | None
    noise_level: float | None
    end_noise_level: float | None
    churn: float | None
    seed: int | None
    start: NDArray[Any] | Image.Image | str | os.PathLike[str] | bytes | None
    preview_interval: int | None
    determinism: Determinism | None
    balance: Balance | None
    readout: Readout | None


class PixelOptions(TypedDict, total=False):
    """What may be told to a synthesis of pixels beside the method's own options, which `methods()` lists.

    Attributes:
        method: The procedure, as `methods()` names it.
        size: The picture's (height, width), or one number for both; default: what the target's networks take.
        seed: Another seed, another picture. Variant v uses seed + v.
        start: The picture to start from: a PIL image, a path, a file's bytes, or another `Result`, whoever drew it.
        preview_interval: A preview picture every so many steps; 0: none.
        determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
        balance: How several units are brought together: "none" (the plain weighted sum), "gradient-norm" or "equal-activation".
        readout: What is read off the units: "activation", "probability" or "log-probability".
    """

    method: str | None
    size: int | tuple[int, int] | None
    seed: int | None
    start: Result | Image.Image | str | os.PathLike[str] | bytes | None
    preview_interval: int | None
    determinism: Determinism | None
    balance: Balance | None
    readout: Readout | None


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
    """

    size: int
    encoder: str
    tap: str
    start_learning_rate: float


@dataclass(frozen=True)
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
        taps: Its layers. Only `Client.model()` fills this and the following ones.
        labels: The names of the output tap's units, by index.
        training: How it was trained and how well.
    """

    name: str
    role: Literal["classifier", "prior", "unknown"]
    description: str
    licence: str
    digest: str
    architecture: str
    image_size: tuple[int, int]
    output_tap: str
    code: Code | None
    forward_only: str = ""
    taps: tuple[Tap, ...] = ()
    labels: tuple[str, ...] = ()
    training: dict[str, Any] | None = None


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Option:
    """One tunable of a method.

    Attributes:
        name: The keyword of `synthesize`.
        description: What it does.
        minimum: The smallest value allowed.
        maximum: The largest value allowed.
        default: The value where none is given; None: taken from elsewhere, `start_learning_rate` from the prior, `end_x` from `x`.
        whole: Whether only whole numbers are allowed.
    """

    name: str
    description: str
    minimum: float
    maximum: float
    default: float | None
    whole: bool = False


@dataclass(frozen=True)
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
    citation: str
    options: tuple[Option, ...]
    pixels: bool = False


@dataclass(frozen=True)
class Methods:
    """The server's methods; iterates over them.

    Attributes:
        methods: All of them.
        default_method: The one used where a call of `synthesize` names none.
        default_prior: The prior used where a call names none.
        default_pixel_method: The one used where a call of `synthesize_pixels` names none.
    """

    methods: tuple[Method, ...]
    default_method: str
    default_prior: str
    default_pixel_method: str = ""

    def __iter__(self) -> Iterator[Method]:
        return iter(self.methods)

    def __len__(self) -> int:
        return len(self.methods)


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        max_steps: Steps of one synthesis.
        max_terms: Terms of one target.
        max_variants: Pictures of one request.
        queue_capacity: Jobs that may wait; one more is refused.
        max_batch_rows: Pictures that are drawn in one batch.
        max_message_bytes: Size of one message.
        max_start_image_pixels: Size of a picture to start from.
        max_pixels: Size of a picture that `synthesize_pixels` draws.
    """

    max_steps: int
    max_terms: int
    max_variants: int
    queue_capacity: int
    max_batch_rows: int
    max_message_bytes: int
    max_start_image_pixels: int
    max_pixels: int = 0


@dataclass(frozen=True)
class ServerInfo:
    """The server itself.

    Attributes:
        version: dgnam's version.
        device: The processor or GPU.
        precision: What the networks run in: "float32" or "bfloat16".
        limits: What a request may ask for.
        versions: Versions of the libraries.
        uptime_s: Seconds since it started.
    """

    version: str
    device: str
    precision: str
    limits: Limits
    versions: dict[str, str]
    uptime_s: float


@dataclass(frozen=True)
class Lane:
    """One batch in the making: pictures drawn together.

    Attributes:
        key: What they have in common.
        running_rows: Pictures being drawn.
        waiting_rows: Pictures that wait for a place.
    """

    key: str
    running_rows: int
    waiting_rows: int


@dataclass(frozen=True)
class Load:
    """How busy the server is.

    Attributes:
        queued_jobs: Jobs that wait.
        running_jobs: Jobs being worked on.
        lanes: The batches.
        finished_jobs: Since the start.
        failed_jobs: Since the start.
        cancelled_jobs: Since the start.
        draining: Whether it is shutting down.
    """

    queued_jobs: int
    running_jobs: int
    lanes: tuple[Lane, ...]
    finished_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    draining: bool
