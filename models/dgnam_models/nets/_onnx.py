"""Networks in ONNX files, their values as taps: converted to PyTorch, which gives gradients, or run by onnxruntime, which does not.

The file itself is what is served. A value's name is its tap, with `_` for what an address cannot hold (`:`, `+`, `*`, `@`, spaces).
"""

import copy
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dgnam_models.nets import torchvision
from dgnam_models.nets._hooked import as_map

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_EXTRA = 'pip install "dgnam-models[onnx,cpu]", or [onnx,gpu] where there is an NVIDIA GPU'
_STANDARD = ("", "ai.onnx")  # the domain of ONNX's own operators, by both its names
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
        elif self.shape[0] not in (None, 1):
            wrong.append(f"its batch is fixed at {self.shape[0]}; export it with a free one, or with 1")
        return wrong

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
        """The input's, batch first; None where the file leaves a length free."""
        return tuple(d.dim_value if d.HasField("dim_value") else None for d in self._inputs[0].type.tensor_type.shape.dim)

    @property
    def channels_last(self) -> bool:
        """Whether the input is (B, H, W, C), as TensorFlow has it."""
        return len(self.shape) == 4 and self.shape[3] in (1, 3) and self.shape[1] not in (1, 3)

    @cached_property
    def taps(self) -> dict[str, str]:
        """Value by tap: all that is computed from the input, in order."""
        reached, taps = {self.input}, dict[str, str]()
        for node in self.model.graph.node:
            if reached & _reads(node):
                reached.update(node.output)
                for value in filter(None, node.output):
                    tap = re.sub(r"[:+*@\s]+", "_", value)
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


class Original(nn.Module):
    """The file, run by onnxruntime: no gradients.

    Args:
        taps: those that may be asked for.
    """

    def __init__(self, graph: Graph, taps: Collection[str]) -> None:
        super().__init__()
        onnx, onnxruntime, _ = libraries()
        self.graph = graph
        model = onnx.ModelProto()
        model.CopyFrom(graph.model)
        there = {value.name for value in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=graph.taps[tap]) for tap in taps if graph.taps[tap] not in there)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers)

    @property
    def dtype(self) -> torch.dtype:
        """What the file takes."""
        return self.graph.dtype

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The values at `taps`, (B, C) or (B, C, H, W) float32, without a gradient. Raises KeyError for a tap that is not there."""
        return {tap: _read(value) for tap, value in self.values(x, taps).items()}

    def values(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The same in the shapes that the file gives them."""
        names = [self.graph.taps[tap] for tap in taps]
        fed = self.graph.fed(x.detach()).contiguous().cpu()
        rows = fed.split(1 if self.graph.shape[0] == 1 else len(fed))
        runs = [self._session.run(names, {self.graph.input: row.numpy()}) for row in rows]
        found = [torch.cat([torch.from_numpy(run[i]) for run in runs]) if runs[0][i].ndim else torch.from_numpy(runs[0][i])
                 for i in range(len(names))]  # fmt: skip
        return {tap: value.to(x.device) for tap, value in zip(taps, found, strict=True)}


class Converted(nn.Module):
    """The file as a module of PyTorch's, with gradients. It computes in the file's own precision.

    Args:
        one_by_one: run each row of a batch on its own, since the file was exported for a batch of one and holds that length.
        original: reports the activations of the final picture, where given.

    Raises:
        Exception: of any kind, where the converter does not know an operator or an attribute.
    """

    def __init__(self, graph: Graph, *, one_by_one: bool = False, original: Original | None = None) -> None:
        super().__init__()
        self.graph, self.one_by_one = graph, one_by_one
        self._original = (original,)  # in a tuple it is no part of this module, and is not moved with it
        _, _, onnx2pytorch = libraries()
        plain = _plain(graph.model)
        self.module = onnx2pytorch.ConvertModel(plain)
        _forget_copies(self.module)
        self.module.requires_grad_(False)
        self._up_to = cache(self._cut)

    @property
    def dtype(self) -> torch.dtype:
        """The precision of its weights and of the constants in its graph."""
        return self.graph.dtype

    @property
    def code_shape(self) -> tuple[int, ...]:
        """What a generator takes; a code (B, D) is brought into it."""
        return tuple(length or 1 for length in self.graph.shape[1:])

    @property
    def original(self) -> Original | None:
        """Who reports the activations of the final picture."""
        return self._original[0]

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The values at `taps`, (B, C) or (B, C, H, W); only what they need is computed. Raises KeyError for a tap that is not there."""
        if missing := set(taps) - set(self.graph.taps):
            raise KeyError(f"no such tap: {sorted(missing)}")
        wanted = tuple(sorted(taps))
        return {tap: _read(value) for tap, value in zip(wanted, self._run(x, wanted), strict=True)}

    def forward(self, x: Tensor) -> Tensor:
        """The first output, in the shape that the file gives it."""
        return self._run(x, (self.graph.output,))[0]

    def _run(self, x: Tensor, taps: tuple[str, ...]) -> list[Tensor]:
        fed, module = self.graph.fed(x), self._up_to(taps)
        runs = [module(part) for part in fed.split(1 if self.one_by_one else len(fed))]
        runs = [[run] if isinstance(run, Tensor) else run for run in runs]
        return [torch.cat(values) for values in zip(*runs, strict=True)]

    def _cut(self, taps: tuple[str, ...]) -> nn.Module:
        """The converted network with `taps` as outputs and without the nodes they do not need; it shares all weights."""
        from onnx2pytorch.convert.model import compute_activation_dependencies

        part = copy.copy(self.module)
        part.output_names = [self.graph.taps[tap] for tap in taps]
        needed, nodes = set(part.output_names), []
        for node in reversed(self.module.onnx_model.graph.node):
            if needed & set(node.output):
                needed |= _reads(node)
                nodes.append(node)
        part.onnx_model = type(self.module.onnx_model)()
        part.onnx_model.graph.node.extend(reversed(nodes))
        part.needed_by = compute_activation_dependencies(part.onnx_model.graph, part, part.mapping)
        return part


def _read(value: Tensor) -> Tensor:
    """A value as a tap has it: tokens (B, N, C) as a map (B, C, N, 1), a map of one place as (B, C)."""
    if value.ndim == 4 and value.shape[2:] == (1, 1):
        return value.flatten(1)
    return as_map(value, features_last=False)


def _reads(node: "NodeProto") -> set[str]:
    """The values a node reads, those of its loops' and branches' bodies among them."""
    return {*filter(None, node.input), *(name for inner in _bodies(node) for name in inner.input)}


def _bodies(node: "NodeProto") -> Iterator["NodeProto"]:
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield inner
            yield from _bodies(inner)


def _plain(model: "ModelProto") -> "ModelProto":
    """The same network as the converter wants it: constants are initializers, none is known by a second name, and matrix products are
    outputs, because otherwise those that a sum follows would be merged with it and their taps be gone. Versions of operator sets that are
    declared and not used, as some exporters leave them, are dropped.

    Raises:
        NotImplementedError: an operator is not one of the standard's own.
    """
    plain = type(model)()
    plain.CopyFrom(model)
    graph = plain.graph
    for node in graph.node:
        for one in (node, *_bodies(node)):
            if one.domain not in _STANDARD:
                raise NotImplementedError(f"its operator {one.op_type} is of {one.domain}, not of the standard's own")
    standard = [version for version in plain.opset_import if version.domain in _STANDARD]
    del plain.opset_import[:]
    plain.opset_import.extend(standard)
    kept, names = [], {tensor.name: tensor.name for tensor in graph.initializer}
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)
        tensors = [attribute.t for attribute in node.attribute if attribute.name == "value"]
        if node.op_type == "Constant" and tensors:
            tensor = graph.initializer.add()
            tensor.CopyFrom(tensors[0])
            tensor.name = node.output[0]
            names[tensor.name] = tensor.name
        elif node.op_type == "Identity" and node.input[0] in names:
            names[node.output[0]] = node.input[0]
        else:
            kept.append(node)
        if node.op_type == "MatMul":
            graph.output.add(name=node.output[0])
    del graph.node[:]
    graph.node.extend(kept)
    return plain


def _forget_copies(module: Any) -> None:
    """Of the converter's three copies of each weight (in the graph, as a buffer, in its layer) keep the one that is used."""
    from onnx2pytorch.constants import STANDARD_LAYERS
    from onnx2pytorch.convert.operations import get_buffer_name

    graph = module.onnx_model.graph
    used = set[str]()
    for node in graph.node:
        if not isinstance(getattr(module, module.mapping[node.output[0]]), STANDARD_LAYERS):
            used |= _reads(node)
    for name in {tensor.name for tensor in graph.initializer} - used:
        module._buffers.pop(get_buffer_name(name), None)
    del graph.initializer[:]
