"""A generator of one's own, in an ONNX file or as safetensors for an architecture that is here, becomes a prior."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any, Literal, Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from dgnam_models import loaders, nets
from dgnam_models.card import CardError, Code, ModelCard, Preprocessing, whole
from dgnam_models.importers import LICENCE, open_source
from dgnam_models.importers._text import decoded
from dgnam_models.importers.onnx import difference, made_by, save
from dgnam_models.loaders.onnx import read
from dgnam_models.loaders.safetensors import weights as stored
from dgnam_models.nets._onnx import Converted, Original

RATE = 2 / 3  # start learning rate by the median half width of the codes' range, as in the published runs (8 by 12)
_ROWS = 3


@dataclass(frozen=True)
class Range:
    """Where a code's units may be, (D,) each: `mean` and `std`, and whether they may be negative. `encoder:tap`: whose activations."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    signed: bool
    encoder: str = ""
    tap: str = ""

    @classmethod
    def between(cls, low: Sequence[float] | np.ndarray, high: Sequence[float] | np.ndarray) -> Self:
        """The range that a bound multiplier of 3, the default, gives back.

        Raises:
            CardError: a lowest value is above the highest, or one is not finite.
        """
        lower, upper = np.asarray(low, np.float64), np.asarray(high, np.float64)
        if not (np.isfinite(lower).all() and np.isfinite(upper).all() and (lower <= upper).all() and (upper > lower).any()):
            raise CardError("a code unit's range goes from a finite number to a larger one")
        if not lower.any():
            return cls((0.0,) * len(upper), _rounded(upper / 3), signed=False)
        return cls(_rounded((lower + upper) / 2), _rounded((upper - lower) / 6), signed=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a text, a line per unit with its highest value, or with its lowest and highest; or from `write_statistics`'s file.

        Raises:
            CardError: it is neither.
        """
        if path.suffix == ".safetensors":
            return cls(**_statistics(path))
        with open_source(path) as stream:
            lines = [line.split() for line in decoded(stream.read()).splitlines() if line.strip()]
        try:
            values = np.array(lines, np.float64)
        except ValueError as error:
            raise CardError(f"{path} must hold one number per unit, or two in a line: {error}") from error
        if not values.size:
            raise CardError(f"{path} holds no numbers")
        if values.shape[1] > 2:  # the published bounds stand in one line
            values = values.reshape(-1, 1)
        return cls.between(values[:, 0] if values.shape[1] == 2 else np.zeros(len(values)), values[:, -1])

    @property
    def start_learning_rate(self) -> float:
        """The default for codes of this scale."""
        reach = 3 * np.asarray(self.std) + (0 if self.signed else np.asarray(self.mean))
        return float(np.median(reach)) * RATE


def write_statistics(path: Path, codes: Tensor, encoder: str, tap: str) -> None:
    """Write the mean and the standard deviation of photographs' codes (N, D), and whose they are."""
    with whole(path) as temporary:
        about = {"encoder": encoder, "tap": tap, "photographs": str(len(codes)), "signed": str(bool((codes < 0).any()))}
        save_file({"mean": codes.mean(0), "std": codes.std(0)}, temporary, about)


def code_units(file: Path, architecture: str = "", parameters: Mapping[str, Any] | None = None) -> int:
    """How many units the code of a generator has, for whoever gives all of them one range.

    Raises:
        CardError: the file cannot be read, or does not say.
    """
    module, _ = _read(file, architecture, parameters or {})
    shape = getattr(module, "code_shape", None)
    if shape is None:
        raise CardError(f"{file}: the architecture {architecture} does not say how long its code is; give --bounds or --statistics")
    return math.prod(shape)


def prior(
    file: Path,
    name: str,
    *,
    code: Range,
    levels: tuple[float, float] = (-1.0, 1.0),
    order: Literal["RGB", "BGR"] = "RGB",
    fit: Literal["crop", "resize"] = "crop",
    architecture: str = "",
    parameters: Mapping[str, Any] | None = None,
    start_learning_rate: float | None = None,
    licence: str = LICENCE,
) -> tuple[ModelCard, Mapping[str, Tensor] | Callable[[Path], None]]:
    """Return a prior's card, and its weights or what writes its file.

    Args:
        file: .onnx, or .safetensors with the weights of `architecture` built with `parameters`.
        code: its units' ranges; as many as the generator takes.
        levels: what it draws for black and for white.
        order: of its three channels; one channel is grey.
        fit: how its pictures get the size that a network takes.
        start_learning_rate: None: 2/3 of the median unit's range to one side.

    Raises:
        CardError: it cannot be read, run or differentiated, does not take such codes, or draws no pictures.
    """
    module, weights = _read(file, architecture, parameters or {})
    onnx = isinstance(module, Converted)
    shape = getattr(module, "code_shape", (len(code.mean),))
    if math.prod(shape) != len(code.mean):
        raise CardError(f"{file} takes codes of the shape {shape}, {math.prod(shape)} units; the ranges given are for {len(code.mean)}")
    drawn = _draw(module, code, file)
    low, high = levels
    channels: Any = order if drawn[0] == 3 else "GREY"
    if low == high:
        raise CardError("black and white must be two different levels")
    card = ModelCard(
        name=name,
        role="prior",
        description=f"a generator, {file.name}",
        licence=licence,
        format="onnx" if onnx else "safetensors",
        file="",
        sha256="",
        architecture="onnx" if onnx else architecture,
        parameters={"one_by_one": True} if getattr(module, "one_by_one", False) else dict(parameters or {}),
        preprocessing=Preprocessing(drawn[1:], channels, (-low / (high - low),) * drawn[0], (1 / (high - low),) * drawn[0]),
        code=Code(code.encoder, code.tap, code.mean, code.std, start_learning_rate or code.start_learning_rate, code.signed),
        fit=fit,
        training={"source": file.name, **(made_by(module.graph) if isinstance(module, Converted) else {})},
    )
    if wrong := card.problems():
        raise CardError(f"{name}: " + "; ".join(wrong))
    return card, weights


def _read(file: Path, architecture: str, parameters: Mapping[str, Any]) -> tuple[nn.Module, Any]:
    return _onnx(file) if file.suffix == ".onnx" else _safetensors(file, architecture, parameters)


def _onnx(file: Path) -> tuple[Converted, Callable[[Path], None]]:
    graph = read(file)
    if any(length is None for length in graph.shape[1:]):
        raise CardError(f"{file}: its input has the shape {graph.shape}; a code's must be fixed but for the batch")
    try:
        return Converted(graph, one_by_one=graph.shape[0] == 1), partial(save, file, graph)
    except Exception as error:  # a converter may raise anything
        raise CardError(f"{file} cannot be converted, so it gives no gradients: {shorten(str(error), 300)}") from error


def _safetensors(file: Path, architecture: str, parameters: Mapping[str, Any]) -> tuple[nn.Module, dict[str, Tensor]]:
    if not architecture:
        raise CardError(f"{file} holds weights only: say with --architecture for what, one of {', '.join(nets.names())}")
    try:
        weights = stored(file)
        module = nets.outline(architecture, parameters)
        loaders.fill(module, weights)
    except (SafetensorError, OSError) as error:
        raise CardError(f"{file} cannot be read: {error}") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise CardError(f"{file} does not fit {architecture} with {dict(parameters)}: {shorten(str(error), 400)}") from error
    return module.eval(), weights


def _draw(module: nn.Module, code: Range, file: Path) -> tuple[int, int, int]:
    """Draw from random codes: the picture's channels, height and width. An ONNX file's pictures must be onnxruntime's, with gradients."""
    normal = torch.randn(_ROWS, len(code.mean), generator=torch.Generator().manual_seed(0))
    codes = (torch.tensor(code.mean) + torch.tensor(code.std) * normal).requires_grad_()
    try:
        image = module(codes)
    except Exception as error:  # a converted file's operators may raise anything
        raise CardError(f"{file} cannot be run on codes of {len(code.mean)} units: {shorten(str(error), 300)}") from error
    shape = tuple(image.shape)
    if len(shape) != 4 or shape[0] != _ROWS or shape[1] not in (1, 3):
        raise CardError(f"{file}: its output has the shape {shape}; a picture has 1 or 3 channels, height and width")
    if isinstance(module, Converted):
        output = module.graph.output
        wanted = Original(module.graph, [output]).values(codes, [output])[output]
        if reason := difference(image.detach(), wanted):
            raise CardError(f"{file}: {reason}")
    (gradient,) = torch.autograd.grad((image * torch.randn_like(image)).sum(), codes)
    if not gradient.isfinite().all() or not gradient.any():
        raise CardError(f"{file}: its gradient is zero or not finite, so nothing can be drawn with it")
    return shape[1], shape[2], shape[3]


def _statistics(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, "pt") as opened:
            about, values = opened.metadata() or {}, {key: opened.get_tensor(key) for key in ("mean", "std")}
    except (SafetensorError, OSError) as error:
        raise CardError(f"{path} is no file of `dgnam-models statistics`: {error}") from error
    given = {key: _rounded(value.double().numpy()) for key, value in values.items()}
    return {**given, "signed": about.get("signed") == "True", "encoder": about.get("encoder", ""), "tap": about.get("tap", "")}


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)
