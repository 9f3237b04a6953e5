"""Small ONNX files, written node by node: a residual, concatenating network with batch normalization, and what stands in its way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Draft:
    """A graph in the making; weights are random and keep signals alive."""

    def __init__(self, shape: Sequence[int | str], name: str = "image", kind: int = TensorProto.FLOAT) -> None:
        self.inputs = [helper.make_tensor_value_info(name, kind, shape)]
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.random = np.random.default_rng(0)

    def node(self, kind: str, reads: str, writes: str, **attributes: Any) -> str:
        """Add a node; names are separated by spaces."""
        self.nodes.append(helper.make_node(kind, reads.split(), writes.split(), **attributes))
        return writes.split()[0]

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weight(self, name: str, *shape: int) -> str:
        return self.constant(name, self.random.normal(0, (2 / np.prod(shape[1:] or 16)) ** 0.5, shape))

    def convolution(self, reads: str, writes: str, channels: tuple[int, int], kernel: int = 3, **attributes: Any) -> str:
        pads = {"pads": [kernel // 2] * 4} | attributes
        weight, bias = self.weight(f"{writes}.w", channels[1], channels[0], kernel, kernel), self.weight(f"{writes}.b", channels[1])
        return self.node("Conv", f"{reads} {weight} {bias}", writes, **pads)

    def model(self, output: str, opset: int = 18) -> onnx.ModelProto:
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "net", self.inputs, outputs, self.weights)
        versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=versions, ir_version=8, producer_name="hand")

    def write(self, path: Path, output: str, opset: int = 18) -> Path:
        onnx.save_model(self.model(output, opset), path)
        return path


def network(shape: Sequence[int | str] = ("batch", 3, 20, 28), classes: int = 7) -> Draft:
    """Stem, batch normalization, a residual block, two branches that are concatenated, global average, a linear layer, softmax."""
    net = Draft(shape)
    net.convolution("image", "stem", (int(shape[1]), 8), strides=[2, 2])
    statistics = [net.constant(f"bn.{k}", v) for k, v in (("s", [1.5] * 8), ("b", [0.1] * 8), ("m", [0.2] * 8), ("v", [0.7] * 8))]
    net.node("BatchNormalization", f"stem {' '.join(statistics)}", "normalized")
    net.node("Relu", "normalized", "stem_relu")
    net.convolution("stem_relu", "branch", (8, 8))
    net.node("Add", "stem_relu branch", "sum")
    net.node("Relu", "sum", "residual")
    net.convolution("residual", "left", (8, 4), kernel=1)
    net.convolution("residual", "right", (8, 6), strides=[1, 1])
    net.node("Concat", "left right", "joined", axis=1)
    net.node("MaxPool", "joined", "pooled", kernel_shape=[2, 2], strides=[2, 2])
    net.node("GlobalAveragePool", "pooled", "average")
    net.node("Flatten", "average", "flat", axis=1)
    net.weight("fc.w", classes, 10), net.weight("fc.b", classes)
    net.node("Gemm", "flat fc.w fc.b", "logits", transB=1)
    net.node("Softmax", "logits", "probabilities", axis=1)
    return net
