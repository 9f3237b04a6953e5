"""Writes Caffe files with random weights, in both generations of the format, and small versions of the published architectures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from dgnam_models.importers import caffe_pb2

OLD = {"Convolution": "CONVOLUTION", "InnerProduct": "INNER_PRODUCT", "Pooling": "POOLING", "ReLU": "RELU", "LRN": "LRN"} | {
    "Concat": "CONCAT",
    "Dropout": "DROPOUT",
    "Softmax": "SOFTMAX",
}


@dataclass
class Draft:
    """A network in the making: its .prototxt as text, and the shapes of each layer's blobs."""

    input_shape: Sequence[int]  # (C, H, W), or (D,)
    text: str = ""
    blobs: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    old: bool = False

    def layer(self, kind: str, name: str, bottom: str, top: str, settings: str = "", blobs: Sequence[tuple[int, ...]] = ()) -> str:
        """Add a layer; `bottom` and `top` list blobs with spaces between. Returns `top`."""
        ends = "".join(f' bottom: "{blob}"' for blob in bottom.split()) + "".join(f' top: "{blob}"' for blob in top.split())
        kind, word = (OLD[kind], "layers") if self.old else (f'"{kind}"', "layer")
        self.text += f'{word} {{ name: "{name}" type: {kind}{ends} {settings} }}\n'
        if blobs:
            self.blobs[name] = list(blobs)
        return top

    def conv(
        self, name: str, bottom: str, inputs: int, outputs: int, kernel: int, settings: str = "", groups: int = 1, relu: str = ""
    ) -> str:
        """A convolution, and after it a ReLU in place if `relu` names one."""
        group = f"group: {groups}" if groups > 1 else ""
        self.layer(
            "Convolution",
            name,
            bottom,
            name,
            f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} {group} {settings} }}",
            [(outputs, inputs // groups, kernel, kernel), (outputs,)],
        )
        if relu:
            self.layer("ReLU", relu, name, name)
        return name

    def pool(self, name: str, bottom: str, method: str, kernel: int, stride: int, pad: int = 0) -> str:
        return self.layer(
            "Pooling", name, bottom, name, f"pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
        )

    def dense(self, name: str, bottom: str, inputs: int, outputs: int) -> str:
        return self.layer(
            "InnerProduct", name, bottom, name, f"inner_product_param {{ num_output: {outputs} }}", [(outputs, inputs), (outputs,)]
        )

    def prototxt(self) -> str:
        dims = [1, *self.input_shape]
        if self.old:
            head = "".join(f" input_dim: {length}" for length in dims + [1] * (4 - len(dims)))
        else:
            head = " input_shape {" + "".join(f" dim: {length}" for length in dims) + " }"
        return f'name: "net" input: "data"{head}\n{self.text}'

    def write(self, folder: Path, seed: int = 0) -> tuple[Path, Path]:
        """Write both files. Weights keep signals at their size; variances and counts of batch normalization are positive."""
        draw = np.random.default_rng(seed)
        net = caffe_pb2.NetParameter(name="net")
        for name, shapes in self.blobs.items():
            layer = net.layers.add(name=name) if self.old else net.layer.add(name=name)
            for index, shape in enumerate(shapes):
                values = draw.normal(0, (2 / max(1, np.prod(shape[1:]))) ** 0.5 if len(shape) > 1 else 0.2, shape)
                if "bn" in name and index:
                    values = np.abs(values) + 1
                blob = layer.blobs.add(data=values.ravel().astype(np.float32))
                if self.old:
                    blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - len(shape)) + tuple(shape)
                else:
                    blob.shape.dim.extend(shape)
        prototxt, weights = folder / "deploy.prototxt", folder / "net.caffemodel"
        prototxt.write_text(self.prototxt(), encoding="utf-8")
        weights.write_bytes(net.SerializeToString())
        return prototxt, weights


def caffenet(side: int = 67, widths: Sequence[int] = (8, 12, 16, 16, 12), hidden: int = 20, classes: int = 10, old: bool = True) -> Draft:
    """AlexNet as Caffe's reference network has it: pooling, then normalization, and convolutions in two groups."""
    net = Draft((3, side, side), old=old)
    c1, c2, c3, c4, c5 = widths
    lrn = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
    net.conv("conv1", "data", 3, c1, 11, "stride: 4", relu="relu1")
    net.pool("pool1", "conv1", "MAX", 3, 2)
    net.layer("LRN", "norm1", "pool1", "norm1", lrn)
    net.conv("conv2", "norm1", c1, c2, 5, "pad: 2", groups=2, relu="relu2")
    net.pool("pool2", "conv2", "MAX", 3, 2)
    net.layer("LRN", "norm2", "pool2", "norm2", lrn)
    net.conv("conv3", "norm2", c2, c3, 3, "pad: 1", relu="relu3")
    net.conv("conv4", "conv3", c3, c4, 3, "pad: 1", groups=2, relu="relu4")
    net.conv("conv5", "conv4", c4, c5, 3, "pad: 1", groups=2, relu="relu5")
    net.pool("pool5", "conv5", "MAX", 3, 2)
    size = (side - 11) // 4 + 1
    for _ in range(3):
        size = -(-(size - 3) // 2) + 1
    for name, inputs, outputs in (("fc6", c5 * size * size, hidden), ("fc7", hidden, hidden)):
        net.dense(name, "pool5" if name == "fc6" else "fc6", inputs, outputs)
        net.layer("ReLU", f"relu{name[2:]}", name, name)
        net.layer("Dropout", f"drop{name[2:]}", name, name, "dropout_param { dropout_ratio: 0.5 }")
    net.dense("fc8", "fc7", hidden, classes)
    net.layer("Softmax", "prob", "fc8", "prob")
    return net


def googlenet(side: int = 56) -> Draft:
    """The stem, two inception modules and the average over all positions."""
    net = Draft((3, side, side), old=True)
    lrn = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
    net.conv("conv1/7x7_s2", "data", 3, 8, 7, "stride: 2 pad: 3", relu="conv1/relu_7x7")
    net.pool("pool1/3x3_s2", "conv1/7x7_s2", "MAX", 3, 2)
    net.layer("LRN", "pool1/norm1", "pool1/3x3_s2", "pool1/norm1", lrn)
    net.conv("conv2/3x3", "pool1/norm1", 8, 12, 3, "pad: 1", relu="conv2/relu_3x3")
    top, width = net.pool("pool2/3x3_s2", "conv2/3x3", "MAX", 3, 2), 12
    for module in ("inception_3a", "inception_3b"):
        parts = [net.conv(f"{module}/1x1", top, width, 4, 1, relu=f"{module}/relu_1x1")]
        for kernel in (3, 5):
            inner = net.conv(f"{module}/{kernel}x{kernel}_reduce", top, width, 4, 1, relu=f"{module}/relu_{kernel}x{kernel}_reduce")
            parts.append(
                net.conv(f"{module}/{kernel}x{kernel}", inner, 4, 6, kernel, f"pad: {kernel // 2}", relu=f"{module}/relu_{kernel}")
            )
        pooled = net.pool(f"{module}/pool", top, "MAX", 3, 1, 1)
        parts.append(net.conv(f"{module}/pool_proj", pooled, width, 4, 1, relu=f"{module}/relu_pool_proj"))
        top, width = net.layer("Concat", f"{module}/output", " ".join(parts), f"{module}/output"), 20
    net.pool("pool5/7x7_s1", top, "AVE", 7, 1)
    net.layer("Dropout", "pool5/drop", "pool5/7x7_s1", "pool5/7x7_s1", "dropout_param { dropout_ratio: 0.4 }")
    net.dense("loss3/classifier", "pool5/7x7_s1", 20, 10)
    net.layer("Softmax", "prob", "loss3/classifier", "prob")
    return net


def vgg(side: int = 32) -> Draft:
    """Pairs of 3x3 convolutions."""
    net = Draft((3, side, side), old=True)
    top, inputs = "data", 3
    for group, outputs in enumerate((6, 8, 10), start=1):
        for index in (1, 2):
            top = net.conv(f"conv{group}_{index}", top, inputs, outputs, 3, "pad: 1", relu=f"relu{group}_{index}")
            inputs = outputs
        top = net.pool(f"pool{group}", top, "MAX", 2, 2)
    net.dense("fc6", "pool3", 10 * (side // 8) ** 2, 16)
    net.layer("ReLU", "relu6", "fc6", "fc6")
    net.dense("fc8", "fc6", 16, 10)
    net.layer("Softmax", "prob", "fc8", "prob")
    return net


def resnet(side: int = 32) -> Draft:
    """Bottlenecks with normalization and scale in place, a projecting shortcut and a plain one."""
    net = Draft((3, side, side))

    def conv(name: str, bottom: str, inputs: int, outputs: int, kernel: int, settings: str, relu: bool) -> str:
        net.layer(
            "Convolution",
            f"res{name}",
            bottom,
            f"res{name}",
            f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} {settings} bias_term: false }}",
            [(outputs, inputs, kernel, kernel)],
        )
        top = f"res{name}"
        net.layer("BatchNorm", f"bn{name}", top, top, "batch_norm_param { use_global_stats: true }", [(outputs,), (outputs,), (1,)])
        net.layer("Scale", f"scale{name}", top, top, "scale_param { bias_term: true }", [(outputs,), (outputs,)])
        if relu:
            net.layer("ReLU", f"res{name}_relu", top, top)
        return top

    top, width = net.pool("pool1", conv("1", "data", 3, 8, 7, "pad: 3 stride: 2", True), "MAX", 3, 2), 8
    for block, stride in (("2a", 1), ("2b", 1), ("3a", 2)):
        shortcut = top if block == "2b" else conv(f"{block}_branch1", top, width, 16, 1, f"stride: {stride}", False)
        inner = conv(f"{block}_branch2a", top, width, 4, 1, f"stride: {stride}", True)
        inner = conv(f"{block}_branch2b", inner, 4, 4, 3, "pad: 1", True)
        inner = conv(f"{block}_branch2c", inner, 4, 16, 1, "", False)
        top, width = net.layer("Eltwise", f"res{block}", f"{shortcut} {inner}", f"res{block}"), 16
        net.layer("ReLU", f"res{block}_relu", top, top)
    net.layer("Pooling", "pool5", top, "pool5", "pooling_param { pool: AVE global_pooling: true }")
    net.dense("fc1000", "pool5", 16, 10)
    net.layer("Softmax", "prob", "fc1000", "prob")
    return net


def upconv(code: Sequence[int] = (24,), hidden: int = 16, widths: Sequence[int] = (8, 6, 4), seed_side: int = 4) -> Draft:
    """A generator: dense layers, a reshape, deconvolutions; leaky ReLU after every layer but the last (Dosovitskiy & Brox 2016)."""
    net = Draft(code)
    leaky = "relu_param { negative_slope: 0.3 }"
    top, inputs = "data", int(np.prod(code))
    for name, outputs in (("defc7", hidden), ("defc6", hidden), ("defc5", widths[0] * seed_side**2)):
        top = net.dense(name, top, inputs, outputs)
        net.layer("ReLU", f"relu_{name}", top, top, leaky)
        inputs = outputs
    top = net.layer(
        "Reshape", "reshape", top, "deconv_in", f"reshape_param {{ shape {{ dim: 0 dim: {widths[0]} dim: {seed_side} dim: {seed_side} }} }}"
    )
    for index, (inputs, outputs) in enumerate(zip(widths, [*widths[1:], 3], strict=True)):
        name = f"deconv{len(widths) - 1 - index}"
        top = net.layer(
            "Deconvolution",
            name,
            top,
            name,
            f"convolution_param {{ num_output: {outputs} kernel_size: 4 stride: 2 pad: 1 }}",
            [(inputs, outputs, 4, 4), (outputs,)],
        )
        if index < len(widths) - 1:
            net.layer("ReLU", f"relu_{name}", top, top, leaky)
    return net
