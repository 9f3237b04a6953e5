"""A .prototxt's layers -> the layers that nets/caffe.py builds: defaults filled in, both generations of the format brought to one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google.protobuf import text_format

from dgnam_models.card import CardError
from dgnam_models.importers import caffe_pb2
from dgnam_models.importers.caffe_pb2 import EltwiseParameter, LRNParameter, NetParameter, PoolingParameter

Layer = Any  # a LayerParameter or a V1LayerParameter: their settings have the same names
Blobs = Sequence[np.ndarray]
Made = tuple[dict[str, Any], dict[str, np.ndarray]]  # options and weights by name, for the module of nets/_caffe_layers.py

_V1 = caffe_pb2.V1LayerParameter
OLD_TYPES: Mapping[int, str] = {  # those of the older generation that exist here, by today's names
    _V1.CONCAT: "Concat",
    _V1.CONVOLUTION: "Convolution",
    _V1.DECONVOLUTION: "Deconvolution",
    _V1.DROPOUT: "Dropout",
    _V1.ELTWISE: "Eltwise",
    _V1.FLATTEN: "Flatten",
    _V1.INNER_PRODUCT: "InnerProduct",
    _V1.LRN: "LRN",
    _V1.POOLING: "Pooling",
    _V1.POWER: "Power",
    _V1.RELU: "ReLU",
    _V1.SIGMOID: "Sigmoid",
    _V1.SLICE: "Slice",
    _V1.SOFTMAX: "Softmax",
    _V1.SPLIT: "Split",
    _V1.TANH: "TanH",
    _V1.DATA: "Data",
    _V1.IMAGE_DATA: "ImageData",
    _V1.MEMORY_DATA: "MemoryData",
    _V1.SOFTMAX_LOSS: "SoftmaxWithLoss",
    _V1.ACCURACY: "Accuracy",
    _V1.SILENCE: "Silence",
}
SOURCES = ("Input", "Data", "ImageData", "MemoryData")
READS_SEVERAL = ("Bias", "Concat", "Crop", "Eltwise", "Scale")
WRITES_SEVERAL = ("Slice", "Split")
MEASURES = ("SoftmaxWithLoss", "Accuracy", "Silence")  # they say something about training, and nobody reads what they give


@dataclass
class Graph:
    """A finished network: layers for nets/caffe.py and their weights, by `layers.INDEX.NAME`."""

    input_shape: tuple[int, ...]  # of one row
    layers: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    transform: caffe_pb2.TransformationParameter | None = None  # what a data layer tells of preprocessing
    logits: str = ""  # the blob that the last softmax reads


def parse(text: str) -> NetParameter:
    """A .prototxt's message; fields that are not read here may say what they like.

    Raises:
        CardError: it is not one.
    """
    try:
        return text_format.Parse(text, NetParameter(), allow_unknown_field=True)
    except text_format.ParseError as error:
        raise CardError(f"not a .prototxt: {error}") from error


def graph(net: NetParameter, blobs: Mapping[str, Blobs]) -> Graph:
    """The layers that run when a network is used, with their weights.

    Raises:
        CardError: layers of an unknown type or setting, without weights or with too many or few; all of them are listed.
    """
    layers = [layer for layer in (net.layer or net.layers) if _runs_in_test(layer)]
    made = Graph(_input_shape(net, layers))
    problems = []
    for layer in layers:
        kind = _type(layer)
        if kind in SOURCES:
            made.transform = layer.transform_param if kind != "Input" else None
        elif kind in MEASURES:
            if kind == "SoftmaxWithLoss":
                made.logits = layer.bottom[0]
        elif kind not in MAKERS:
            problems.append(f"layer {layer.name!r} has the type {kind!r}, which is not supported")
        else:
            if kind == "Softmax":
                made.logits = layer.bottom[0]
            try:
                _add(made, layer, kind, blobs.get(layer.name, ()))
            except _Wrong as error:
                problems.append(f"layer {layer.name!r} of type {kind!r}: {error}")
    if problems:
        raise CardError("; ".join(problems))
    return made


class _Wrong(Exception):
    """What is wrong with a layer."""


def _add(made: Graph, layer: Layer, kind: str, blobs: Blobs) -> None:
    for blobs_of, several, what in ((layer.bottom, READS_SEVERAL, "bottoms"), (layer.top, WRITES_SEVERAL, "tops")):
        if len(blobs_of) != 1 and kind not in several:
            raise _Wrong(f"it has {len(blobs_of)} {what}, {', '.join(blobs_of)}; it must have one: give each blob a layer of its own")
    options, weights = MAKERS[kind](layer, blobs)
    if "global" in options:
        kind, options = "GlobalPooling", {"method": options["method"]}
    entry = {"name": layer.name, "type": kind, "bottom": list(layer.bottom), "top": list(layer.top)}
    made.weights |= {f"layers.{len(made.layers)}.{name}": value for name, value in weights.items()}
    made.layers.append(entry | ({"options": options} if options else {}))


def _type(layer: Layer) -> str:
    if isinstance(layer, caffe_pb2.LayerParameter):
        return layer.type
    return OLD_TYPES.get(layer.type, _V1.LayerType.Name(layer.type))


def _runs_in_test(layer: Layer) -> bool:
    phases = [rule.phase for rule in layer.include if rule.HasField("phase")]
    excluded = [rule.phase for rule in layer.exclude if rule.HasField("phase")]
    return caffe_pb2.TEST in phases if phases else caffe_pb2.TEST not in excluded


def _input_shape(net: NetParameter, layers: Sequence[Layer]) -> tuple[int, ...]:
    """One row's shape, as the net's input or its data layer says."""
    if len(net.input) > 1:
        raise CardError(f"the network has several inputs: {', '.join(net.input)}")
    if net.input_shape:
        return tuple(net.input_shape[0].dim)[1:]
    if net.input_dim:
        dims = list(net.input_dim[1:4])
        return tuple(dims[:1]) if dims[1:] == [1, 1] else tuple(dims)
    sources = [layer for layer in layers if _type(layer) in SOURCES]
    if len(sources) != 1:
        raise CardError(f"the network must have one input; it has {len(sources)}")
    (layer,) = sources
    if _type(layer) == "Input":
        if not layer.input_param.shape:
            raise CardError(f"layer {layer.name!r} does not say its shape")
        return tuple(layer.input_param.shape[0].dim)[1:]
    if layer.memory_data_param.channels:
        held = layer.memory_data_param
        return held.channels, held.height, held.width
    if not (side := layer.transform_param.crop_size):
        raise CardError(f"layer {layer.name!r} does not say how large its pictures are: use the .prototxt for deployment")
    return 3, side, side


# --- one function per type: settings and blobs -> options and weights -------------------------------------------------


def _convolution(layer: Layer, blobs: Blobs) -> Made:
    return _filters(layer, blobs, transposed=False)


def _deconvolution(layer: Layer, blobs: Blobs) -> Made:
    return _filters(layer, blobs, transposed=True)


def _filters(layer: Layer, blobs: Blobs, transposed: bool) -> Made:
    p = layer.convolution_param
    if p.axis != 1:
        raise _Wrong(f"axis {p.axis} is not supported")
    kernel, outputs = _pair(p, "kernel", "kernel_size"), p.num_output
    if not outputs or p.group < 1 or outputs % p.group or 0 in kernel:
        raise _Wrong(f"{outputs} outputs in {p.group} groups with a kernel of {kernel}")
    found = _taken(blobs, 1 + p.bias_term)
    per_input = (outputs // p.group if transposed else outputs) * kernel[0] * kernel[1]
    inputs, rest = divmod(found[0].size, per_input)
    if rest or not inputs:
        raise _Wrong(f"{found[0].size} weights do not make {outputs} filters of {kernel[0]} x {kernel[1]}")
    shape = (inputs, outputs // p.group, *kernel) if transposed else (outputs, inputs, *kernel)
    options = {
        "in_channels": inputs if transposed else inputs * p.group,
        "out_channels": outputs,
        "kernel_size": kernel,
        "stride": _pair(p, "stride", "stride", 1),
        "padding": _pair(p, "pad", "pad", 0),
        "dilation": (list(p.dilation) * 2)[:2] or [1, 1],
        "groups": p.group,
        "bias": p.bias_term,
    }
    return options, _weight_and_bias(found, shape, outputs)


def _inner_product(layer: Layer, blobs: Blobs) -> Made:
    p = layer.inner_product_param
    if p.axis != 1:
        raise _Wrong(f"axis {p.axis} is not supported")
    found = _taken(blobs, 1 + p.bias_term)
    inputs, rest = divmod(found[0].size, max(1, p.num_output))
    if rest or not inputs:
        raise _Wrong(f"{found[0].size} weights do not make {p.num_output} outputs")
    if p.transpose:
        found[0] = found[0].reshape(inputs, p.num_output).T
    options = {"in_features": inputs, "out_features": p.num_output, "bias": p.bias_term}
    return options, _weight_and_bias(found, (p.num_output, inputs), p.num_output)


def _pooling(layer: Layer, _: Blobs) -> Made:
    p = layer.pooling_param
    if p.pool not in (PoolingParameter.MAX, PoolingParameter.AVE):
        raise _Wrong("stochastic pooling is not supported")
    method = "max" if p.pool == PoolingParameter.MAX else "ave"
    if p.global_pooling:
        return {"method": method, "global": True}, {}
    kernel = _pair(p, "kernel", "kernel_size")
    if 0 in kernel:
        raise _Wrong("kernel_size is missing")
    options: dict[str, Any] = {
        "method": method,
        "kernel": kernel,
        "stride": _pair(p, "stride", "stride", 1),
        "pad": _pair(p, "pad", "pad", 0),
    }
    if p.round_mode == PoolingParameter.FLOOR:
        options["round_up"] = False
    return options, {}


def _lrn(layer: Layer, _: Blobs) -> Made:
    p = layer.lrn_param
    if p.local_size % 2 == 0:
        raise _Wrong(f"local_size is {p.local_size}; it must be odd")
    options = {"size": p.local_size, "alpha": p.alpha, "beta": p.beta, "k": p.k}
    return options | ({"within_channel": True} if p.norm_region == LRNParameter.WITHIN_CHANNEL else {}), {}


def _batch_norm(layer: Layer, blobs: Blobs) -> Made:
    p = layer.batch_norm_param
    if p.HasField("use_global_stats") and not p.use_global_stats:
        raise _Wrong("use_global_stats is false, which makes a picture's activations depend on its batch")
    mean, variance, count = _taken(blobs, 3)
    scale = 0 if count[0] == 0 else 1 / count[0]
    if mean.size != variance.size:
        raise _Wrong(f"{mean.size} means and {variance.size} variances")
    return {"channels": mean.size, "eps": p.eps}, {"mean": mean * scale, "variance": variance * scale}


def _scale(layer: Layer, blobs: Blobs) -> Made:
    p = layer.scale_param
    if len(layer.bottom) == 2:
        return {"axis": p.axis}, {}
    found = _taken(blobs, 1 + p.bias_term)
    shape = _one_axis(p, found[0])
    return {"axis": p.axis, "shape": shape, "bias": p.bias_term}, _weight_and_bias(found, tuple(shape), shape[0])


def _bias(layer: Layer, blobs: Blobs) -> Made:
    p = layer.bias_param
    if len(layer.bottom) == 2:
        return {"axis": p.axis}, {}
    found = _taken(blobs, 1)
    return {"axis": p.axis, "shape": _one_axis(p, found[0])}, {"bias": found[0]}


def _one_axis(p: Any, weights: np.ndarray) -> list[int]:
    if p.num_axes != 1:
        raise _Wrong(f"num_axes {p.num_axes} is not supported")
    return [weights.size]


def _prelu(layer: Layer, blobs: Blobs) -> Made:
    (slope,) = _taken(blobs, 1)
    return {"num_parameters": slope.size}, {"weight": slope}


def _relu(layer: Layer, _: Blobs) -> Made:
    slope = layer.relu_param.negative_slope
    return ({"slope": slope} if slope else {}), {}


def _power(layer: Layer, _: Blobs) -> Made:
    p = layer.power_param
    return {"power": p.power, "scale": p.scale, "shift": p.shift}, {}


def _softmax(layer: Layer, _: Blobs) -> Made:
    return {"dim": layer.softmax_param.axis}, {}


def _concat(layer: Layer, _: Blobs) -> Made:
    p = layer.concat_param
    return {"axis": p.concat_dim if p.HasField("concat_dim") else p.axis}, {}


def _slice(layer: Layer, _: Blobs) -> Made:
    p = layer.slice_param
    options: dict[str, Any] = {"axis": p.slice_dim if p.HasField("slice_dim") else p.axis, "parts": len(layer.top)}
    return options | ({"points": list(p.slice_point)} if p.slice_point else {}), {}


def _split(layer: Layer, _: Blobs) -> Made:
    return {"parts": len(layer.top)}, {}


def _eltwise(layer: Layer, _: Blobs) -> Made:
    p = layer.eltwise_param
    operation = {EltwiseParameter.SUM: "sum", EltwiseParameter.PROD: "prod", EltwiseParameter.MAX: "max"}[p.operation]
    if p.coeff and (operation != "sum" or len(p.coeff) != len(layer.bottom)):
        raise _Wrong(f"{len(p.coeff)} coefficients for {len(layer.bottom)} inputs of {operation}")
    return {"operation": operation} | ({"coefficients": list(p.coeff)} if p.coeff else {}), {}


def _flatten(layer: Layer, _: Blobs) -> Made:
    return {"start_dim": layer.flatten_param.axis, "end_dim": layer.flatten_param.end_axis}, {}


def _reshape(layer: Layer, _: Blobs) -> Made:
    p = layer.reshape_param
    shape = list(p.shape.dim)
    if p.axis == 0 and shape:
        shape = shape[1:]  # the batch, whatever number stands there
    elif p.axis != 1:
        raise _Wrong(f"axis {p.axis} is not supported")
    if p.num_axes != -1 or not shape:
        raise _Wrong("only all dimensions after the batch can be reshaped")
    return {"shape": shape}, {}


def _crop(layer: Layer, _: Blobs) -> Made:
    return {"axis": layer.crop_param.axis, "offset": list(layer.crop_param.offset)}, {}


def _plain(_layer: Layer, _: Blobs) -> Made:
    return {}, {}


MAKERS: Mapping[str, Callable[[Layer, Blobs], Made]] = {
    "BatchNorm": _batch_norm,
    "Bias": _bias,
    "Concat": _concat,
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "Dropout": _plain,
    "Eltwise": _eltwise,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "PReLU": _prelu,
    "Pooling": _pooling,
    "Power": _power,
    "ReLU": _relu,
    "Reshape": _reshape,
    "Scale": _scale,
    "Sigmoid": _plain,
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "TanH": _plain,
}


def _pair(p: Any, short: str, both: str, default: int = 0) -> list[int]:
    """Height and width of a setting that can be given for both at once, as a list of one or two, or one by one."""
    if p.HasField(f"{short}_h") or p.HasField(f"{short}_w"):
        return [getattr(p, f"{short}_h"), getattr(p, f"{short}_w")]
    given = getattr(p, both)
    if isinstance(given, int):
        return [given or default] * 2
    return (list(given) * 2)[:2] or [default] * 2


def _taken(blobs: Blobs, count: int) -> list[np.ndarray]:
    if len(blobs) != count:
        raise _Wrong(f"the weights' file has {len(blobs)} blobs for it; it needs {count}")
    return list(blobs)


def _weight_and_bias(found: list[np.ndarray], shape: tuple[int, ...], outputs: int) -> dict[str, np.ndarray]:
    weights = {"weight": found[0].reshape(shape)}
    if len(found) == 2:
        if found[1].size != outputs:
            raise _Wrong(f"{found[1].size} biases for {outputs} outputs")
        weights["bias"] = found[1].reshape(outputs if len(shape) != 1 else shape)
    return weights
