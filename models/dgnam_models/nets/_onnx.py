"""Networks in ONNX files, their values as taps: converted to PyTorch, which gives gradients, or run by onnxruntime, which does not.

The file itself is what is served. A value's name is its tap, with `_` for what an address cannot hold (`:`, `+`, `*`, `@`, spaces).
"""

import copy
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dgnam_models.nets._folding import Fold, apart, fold, is_linear, of_norm
from dgnam_models.nets._hooked import as_map
from dgnam_models.nets._onnx_graph import FLOAT, HALF, STANDARD, Graph, bodies, libraries, reads

if TYPE_CHECKING:
    from onnx import ModelProto


class Original(nn.Module):
    """The file, run by onnxruntime: no gradients.

    Args:
        taps: those that may be asked for.
        one_by_one: run each row of a batch on its own.
    """

    def __init__(self, graph: Graph, taps: Collection[str], *, one_by_one: bool = False) -> None:
        super().__init__()
        onnx, onnxruntime, _ = libraries()
        self.graph, self.one_by_one = graph, one_by_one or graph.shape[:1] == (1,)
        model = onnx.ModelProto()
        model.CopyFrom(graph.model)
        for value in (*model.graph.input, *model.graph.output):
            for length in value.type.tensor_type.shape.dim:
                if length.HasField("dim_value") and length.dim_value < 1:  # onnxruntime takes 0 at its word
                    length.Clear()
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
        rows = fed.split(1 if self.one_by_one else len(fed))
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
        if graph.halved:
            _widen(plain)
        self.module = onnx2pytorch.ConvertModel(plain)
        _forget_copies(self.module)
        self.module.requires_grad_(False)
        self._up_to = cache(self._cut)
        self._folds: list[Fold] = []

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

    def fold_(self, x: Tensor) -> None:
        """Fold batch normalization into the convolution before it, where no other node reads what is between."""
        nodes, names, taps = self.module.onnx_model.graph.node, self.module.mapping, {value: tap for tap, value in self.graph.taps.items()}
        readers = {value: [node for node in nodes if value in reads(node)] for node in nodes for value in node.output}
        for node in nodes:
            value = node.output[0]
            layer = getattr(self.module, names[value])
            if not is_linear(layer) or value not in taps or len(readers[value]) != 1:
                continue
            then = readers[value][0]
            norm = getattr(self.module, names[then.output[0]])
            affine = of_norm(getattr(norm, "bnu", norm))
            if then.op_type == "BatchNormalization" and affine is not None:
                done = fold(layer, [(norm, affine)], [taps[value]])
                for one, part in zip((node, then), done.parts, strict=True):
                    setattr(self.module, names[one.output[0]], part)
                self._folds.append(done)

    def _run(self, x: Tensor, taps: tuple[str, ...]) -> list[Tensor]:
        fed, module = self.graph.fed(x), self._up_to(taps)
        with apart(self._folds, taps):
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
                needed |= reads(node)
                nodes.append(node)
        part.onnx_model = type(self.module.onnx_model)()
        part.onnx_model.graph.node.extend(reversed(nodes))
        part.needed_by = compute_activation_dependencies(part.onnx_model.graph, part, part.mapping)
        return part


def _read(value: Tensor) -> Tensor:
    """A value as a tap has it: tokens (B, N, C) as a map (B, C, N, 1), a map of one place as (B, C)."""
    if value.ndim == 4 and value.shape[2:] == (1, 1):
        return value.flatten(1)
    return as_map(value)


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
        for one in (node, *bodies(node)):
            if one.domain not in STANDARD:
                raise NotImplementedError(f"its operator {one.op_type} is of {one.domain}, not of the standard's own")
    standard = [version for version in plain.opset_import if version.domain in STANDARD]
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


def _widen(model: "ModelProto") -> None:
    """Make float32 of the float16 inside: PyTorch lacks some operators in it on a processor, and gradients vanish sooner."""
    onnx, _, _ = libraries()
    for tensor in model.graph.initializer:
        if tensor.data_type == HALF:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor).astype("float32"), tensor.name))
    for node in model.graph.node:
        for one in (node, *bodies(node)):
            for attribute in one.attribute:
                if one.op_type == "Cast" and attribute.name == "to" and attribute.i == HALF:
                    attribute.i = FLOAT
    del model.graph.value_info[:]


def _forget_copies(module: Any) -> None:
    """Of the converter's three copies of each weight (in the graph, as a buffer, in its layer) keep the one that is used."""
    from onnx2pytorch.constants import STANDARD_LAYERS
    from onnx2pytorch.convert.operations import get_buffer_name

    graph = module.onnx_model.graph
    used = set[str]()
    for node in graph.node:
        if not isinstance(getattr(module, module.mapping[node.output[0]]), STANDARD_LAYERS):
            used |= reads(node)
    for name in {tensor.name for tensor in graph.initializer} - used:
        module._buffers.pop(get_buffer_name(name), None)
    del graph.initializer[:]
