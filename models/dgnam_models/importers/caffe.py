"""Caffe's networks, .prototxt and .caffemodel, become safetensors and a card.

Every file may lie in a zip: `release.zip/fc6/generator.caffemodel`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from dgnam_models import gate, loaders, nets
from dgnam_models.card import CardError, Code, ModelCard, Preprocessing, Tap
from dgnam_models.importers import LICENCE, _blobs, _graph, caffe_pb2, open_source
from dgnam_models.importers._graph import Graph
from dgnam_models.importers._text import decoded
from dgnam_models.nets.caffe import Caffe
from dgnam_models.network import Network

PUBLISHED_RATE = 8 / 12  # start learning rate of the published runs, 8, by the median of their codes' bounds, 12


@dataclass(frozen=True)
class Subtraction:
    """What a network was trained to see: `(255 x - mean) * scale` of x in [0, 1], channels in the order `channels`.

    `mean`: one value, one per channel, or None for what the .prototxt's data layer says.
    """

    mean: tuple[float, ...] | None = None
    scale: float | None = None
    rgb: bool = False


def classifier(
    prototxt: Path, weights: Path, name: str, *, subtraction: Subtraction, labels: Sequence[str] = (), licence: str = LICENCE
) -> tuple[ModelCard, dict[str, Tensor]]:
    """Return the card and the weights of a classifier. Its output tap is what the last softmax reads, or else the last layer's output.

    Raises:
        CardError: the files cannot be read, do not go together, or hold what is not supported.
    """
    graph = _read(prototxt, weights)
    shape = graph.input_shape
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise CardError(f"{prototxt}: a picture has 1 or 3 channels, height and width; this network's input has the shape {shape}")
    module = _trial(graph)
    shapes = dict(zip(module.tap_names(), _shapes(module), strict=True))
    output = _latest(module, graph.logits) if graph.logits else module.tap_names()[-1]
    if len(shapes[output]) == 3:  # a network that is convolutional to the end
        graph.layers.append({"name": "output", "type": "Flatten", "bottom": [output], "top": ["output"]})
        shapes["output"] = (int(np.prod(shapes[output])),)
        output = "output"
    card, held = _card(
        graph,
        (prototxt, weights),
        name=name,
        role="classifier",
        licence=licence,
        preprocessing=_preprocessing((shape[1], shape[2]), shape[0], subtraction, graph.transform),
        taps=tuple(Tap(tap, shape) for tap, shape in shapes.items()),
        labels=tuple(labels),
        output_tap=output,
    )
    return gate.admit(Network(card, _trial(graph)).eval()).card, held


def generator(
    prototxt: Path,
    weights: Path,
    name: str,
    *,
    subtraction: Subtraction,
    encoder: str,
    tap: str,
    bounds: Path,
    start_learning_rate: float | None = None,
    licence: str = LICENCE,
) -> tuple[ModelCard, dict[str, Tensor]]:
    """Return the card and the weights of a prior.

    The published bounds are one number per code unit, three standard deviations; the card says them as a mean of 0 and a third of the
    number as deviation, so that the usual multiplier, 3, gives the published bound.

    Args:
        encoder, tap: whose activations the code is.
        bounds: a text of numbers, in a zip as well.
        start_learning_rate: None: the published 8.0, in proportion to the bounds' median.

    Raises:
        CardError: as `classifier`, or the bounds do not fit the code.
    """
    graph = _read(prototxt, weights)
    module = _trial(graph)
    drawn = _shapes(module)[-1]
    if len(drawn) != 3 or drawn[0] not in (1, 3):
        raise CardError(f"{prototxt}: its output has the shape {drawn}; a picture has 1 or 3 channels, height and width")
    upper = _read_bounds(bounds)
    units = int(np.prod(graph.input_shape))
    if len(upper) != units:
        raise CardError(f"{bounds} has {len(upper)} bounds; the code of {prototxt} has {units} units, {graph.input_shape}")
    rate = start_learning_rate or float(np.median(upper)) * PUBLISHED_RATE
    return _card(
        graph,
        (prototxt, weights),
        name=name,
        role="prior",
        licence=licence,
        preprocessing=_preprocessing((drawn[1], drawn[2]), drawn[0], subtraction, None),
        code=Code(encoder, tap, (0.0,) * units, tuple(round(float(bound) / 3, 6) for bound in upper), rate),
    )


def read_mean(path: Path) -> tuple[float, ...]:
    """The mean per channel of a mean file: a .npy, or Caffe's .binaryproto. The networks are used with one value per channel."""
    with open_source(path) as stream:
        if path.suffix == ".npy":
            array = np.load(stream, allow_pickle=False)
        else:
            try:
                blob = caffe_pb2.BlobProto.FromString(stream.read())
                shape = tuple(blob.shape.dim) or (blob.num, blob.channels, blob.height, blob.width)
                array = np.array(blob.data or blob.double_data, np.float64).reshape(shape)
            except (DecodeError, ValueError) as error:
                raise CardError(f"{path} is no mean file: {error}") from error
    array = array.reshape(array.shape[-3:]) if array.ndim == 4 and len(array) == 1 else array
    if array.ndim not in (1, 3) or len(array) not in (1, 3):
        raise CardError(f"{path} has the shape {array.shape}; a mean has 1 or 3 channels, then height and width")
    return tuple(float(value) for value in (array if array.ndim == 1 else array.mean((1, 2))))


def _read(prototxt: Path, weights: Path) -> Graph:
    with open_source(prototxt) as stream:
        text = stream.read()
    try:
        net = _graph.parse(decoded(text))
    except CardError as error:
        raise CardError(f"{prototxt}: {error}") from error
    with open_source(weights) as stream:
        blobs = _blobs.read(stream, weights)
    try:
        return _graph.graph(net, blobs)
    except CardError as error:
        raise CardError(f"{prototxt} with {weights}: {error}") from error


def _trial(graph: Graph) -> Caffe:
    """The network, run once; it says which layer cannot work."""
    module = nets.outline("caffe", {"input_shape": graph.input_shape, "layers": graph.layers})
    assert isinstance(module, Caffe)
    loaders.fill(module, {key: torch.from_numpy(value) for key, value in graph.weights.items()})
    return module


@torch.no_grad()
def _shapes(module: Caffe) -> list[tuple[int, ...]]:
    """Every tap's shape, without the batch."""
    shapes = []
    values: dict[str, Tensor] = {}
    for (name, kind), layer, step in zip(module.names, module.layers, module.steps, strict=True):
        start = torch.zeros(1, *module.input_shape)
        try:
            output = layer(*(values.get(tap, start) for tap in step.reads))
        except (RuntimeError, ValueError, IndexError) as error:
            raise CardError(f"layer {name!r} of type {kind!r}: {error}") from error
        values |= zip(step.writes, output if isinstance(output, tuple) else (output,), strict=True)
        shapes += [tuple(values[tap].shape[1:]) for tap in step.writes]
    return shapes


def _latest(module: Caffe, blob: str) -> str:
    """The tap from which the last softmax reads `blob`: the layer's own, if nothing wrote over it."""
    softmax = [step for step, (_, kind) in zip(module.steps, module.names, strict=True) if kind == "Softmax"]
    return softmax[-1].reads[0] if softmax else blob


def _preprocessing(
    size: tuple[int, int], channels: int, given: Subtraction, transform: caffe_pb2.TransformationParameter | None
) -> Preprocessing:
    mean, scale = given.mean, given.scale
    if mean is None and transform is not None and transform.mean_value:
        mean = tuple(transform.mean_value)
    if mean is None:
        raise CardError(
            "say what the network was trained to subtract from pixels of 0 to 255: --mean 104 117 123 (blue, green, red: ImageNet's, as "
            "most published networks do), --mean-file FILE, or --mean 0"
        )
    if scale is None:
        scale = transform.scale if transform is not None else 1.0
    if scale == 0 or len(mean) not in (1, channels):
        raise CardError(f"{len(mean)} mean values and a scale of {scale:g} for {channels} channels")
    mean = mean * channels if len(mean) == 1 else mean
    order: Any = "GREY" if channels == 1 else "RGB" if given.rgb else "BGR"
    return Preprocessing(size, order, tuple(value / 255 for value in mean), (1 / (255 * scale),) * channels)


def _read_bounds(path: Path) -> np.ndarray:
    with open_source(path) as stream:
        text = stream.read()
    try:
        upper = np.array(decoded(text).split(), np.float64)
    except ValueError as error:
        raise CardError(f"{path}: {error}") from error
    if not np.isfinite(upper).all() or (upper < 0).any():
        raise CardError(f"{path} has bounds that are negative or not finite")
    return upper


def _card(graph: Graph, files: tuple[Path, Path], **fields: Any) -> tuple[ModelCard, dict[str, Tensor]]:
    card = ModelCard(
        description=f"a Caffe network, {files[0].name}",
        format="safetensors",
        file="",
        sha256="",
        architecture="caffe",
        parameters={"input_shape": list(graph.input_shape), "layers": graph.layers},
        training={"source": f"{files[0].name} and {files[1].name}"},
        **fields,
    )
    if wrong := card.problems():
        raise CardError(f"{card.name}: " + "; ".join(wrong))
    return card, {key: torch.from_numpy(value) for key, value in graph.weights.items()}
