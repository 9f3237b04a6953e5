"""What an ONNX file holds, as far as running it needs to know, and the libraries that read it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dgnam_models.card import MOST_PIXELS, addressable
from dgnam_models.nets import torchvision

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_EXTRA = 'pip install "dgnam-models[onnx,cpu]", or [onnx,gpu] where there is an NVIDIA GPU'
_MOST_INPUTS = 3 * MOST_PIXELS
_MOST_NUMBERS = 2**28  # of a value, for one picture: a gibibyte
STANDARD = ("", "ai.onnx")  # the domain of ONNX's own operators, by both its names
FLOAT, HALF = 1, 10
_FLOATS = {1: torch.float32, 10: torch.float16, 11: torch.float64}  # TensorProto's numbers


def libraries() -> tuple[Any, Any, Any]:
    """The modules onnx, onnxruntime and onnx2pytorch.

    Raises:
        ImportError: one is not installed; the message says how to get it.
    """
    try:
        import onnx
        import onnxruntime

        torchvision.models()  # onnx2pytorch imports it, and needs it importable
        import onnx2pytorch.constants
    except ImportError as error:
        raise ImportError(f"ONNX files need the packages onnx, onnx2pytorch and onnxruntime: {_EXTRA} ({error})") from error
    return onnx, onnxruntime, onnx2pytorch


@dataclass(frozen=True, eq=False)
class Graph:
    """What has to be known of an ONNX file to run it: one input, of a batch."""

    model: "ModelProto"

    def problems(self) -> list[str]:
        """Why it cannot be used, whatever its operators are."""
        wrong, inputs = [], self._inputs
        if len(inputs) != 1:
            return [f"it has {len(inputs)} inputs, {', '.join(value.name for value in inputs)}; one can be served"]
        if inputs[0].type.tensor_type.elem_type not in _FLOATS:
            wrong.append(f"its input {self.input} is not of floating-point numbers")
        if not self.shape:
            wrong.append(f"its input {self.input} has no shape")
        elif any(length is not None and length < 1 for length in self.shape[1:]):
            wrong.append(
                f"its input {self.input} has the shape {self.shape}; write a name for a length that is to be free, as dynamic_axes does"
            )
        elif math.prod(length or 1 for length in self.shape[1:]) > _MOST_INPUTS:
            wrong.append(f"its input {self.input} has the shape {self.shape}; a row of at most {_MOST_INPUTS} numbers can be served")
        elif self.shape[0] not in (None, 1):
            wrong.append(f"its batch is fixed at {self.shape[0]}; export it with a free one, or with 1")
        if unfit := [tensor.name for tensor in self.model.graph.initializer if tensor.data_type in _FLOATS and not _finite(tensor)]:
            wrong.append(f"its weights are not finite (NaN or infinite): {', '.join(unfit[:3])}")
        return wrong + self._oversized()

    def _oversized(self) -> list[str]:
        """Values that the file itself says to be too large: by Tile, Expand, Pad, Resize, ConstantOfShape. Nothing is computed for it."""
        onnx, _, _ = libraries()
        try:
            inferred = onnx.shape_inference.infer_shapes(self.model, data_prop=True).graph
        except Exception:  # of any kind, for what is no graph, and for what is larger than a message; running it tells what is wrong
            return []
        shapes = {
            value.name: tuple(d.dim_value or None for d in value.type.tensor_type.shape.dim)
            for value in [*inferred.value_info, *inferred.output]
        }
        large = [f"{name} of the shape {shape}" for name, shape in shapes.items() if math.prod(n or 1 for n in shape) > _MOST_NUMBERS]
        return [f"it computes {', '.join(large[:3])}; values of at most {_MOST_NUMBERS} numbers can be served"] if large else []

    @property
    def halved(self) -> bool:
        """Whether it takes float32 and computes in float16."""
        casts = (a.i for node in self.model.graph.node if node.op_type == "Cast" for a in node.attribute if a.name == "to")
        return self.dtype is torch.float32 and (HALF in casts or any(tensor.data_type == HALF for tensor in self.model.graph.initializer))

    @property
    def _inputs(self) -> list[Any]:
        weights = {tensor.name for tensor in self.model.graph.initializer}
        return [value for value in self.model.graph.input if value.name not in weights]

    @property
    def input(self) -> str:
        """The input's name."""
        return str(self._inputs[0].name)

    @property
    def dtype(self) -> torch.dtype:
        """What the input is made of."""
        return _FLOATS[self._inputs[0].type.tensor_type.elem_type]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The input's, batch first; None where the file leaves a length free: by a name or nothing, and that of the batch by -1 or 0."""
        lengths = [d.dim_value if d.HasField("dim_value") else None for d in self._inputs[0].type.tensor_type.shape.dim]
        return tuple(None if place == 0 and length is not None and length < 1 else length for place, length in enumerate(lengths))

    @property
    def channels_last(self) -> bool:
        """Whether the input is (B, H, W, C), as TensorFlow has it."""
        return len(self.shape) == 4 and self.shape[3] in (1, 3) and self.shape[1] not in (1, 3)

    @cached_property
    def taps(self) -> dict[str, str]:
        """Value by tap: all that is computed from the input, in order."""
        reached, taps = {self.input}, dict[str, str]()
        for node in self.model.graph.node:
            if reached & reads(node):
                reached.update(node.output)
                for value in filter(None, node.output):
                    tap = addressable(value)
                    taps[tap if tap not in taps else f"{tap}_{len(taps)}"] = value
        return taps

    @property
    def output(self) -> str:
        """The tap that is the first output."""
        return self._tap_of(self.model.graph.output[0].name)

    @property
    def logits(self) -> str:
        """The tap that is the first output, or what it is the softmax of."""
        value = self.model.graph.output[0].name
        for node in self.model.graph.node:
            if value in node.output and node.op_type == "Softmax":
                value = node.input[0]
        return self._tap_of(value)

    def _tap_of(self, value: str) -> str:
        return next(tap for tap, name in self.taps.items() if name == value)

    def fed(self, x: Tensor) -> Tensor:
        """Rows as the file takes them: `x` is (B, C, H, W), or (B, D) for whatever shape the input has."""
        if self.channels_last and x.ndim == 4:
            return x.permute(0, 2, 3, 1).to(self.dtype)
        if x.ndim == 2 and len(self.shape) > 2:
            x = x.reshape(-1, *(length or 1 for length in self.shape[1:]))
        return x.to(self.dtype)


def reads(node: "NodeProto") -> set[str]:
    """The values a node reads, those of its loops' and branches' bodies among them."""
    return {*filter(None, node.input), *(name for inner in bodies(node) for name in inner.input)}


def bodies(node: "NodeProto") -> Iterator["NodeProto"]:
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield inner
            yield from bodies(inner)


def _finite(tensor: Any) -> bool:
    onnx, _, _ = libraries()
    try:
        values = onnx.numpy_helper.to_array(tensor)
    except ValueError:  # the bytes do not make the shape; onnxruntime refuses that with the reason
        return True
    return bool(torch.from_numpy(values.copy()).isfinite().all())
