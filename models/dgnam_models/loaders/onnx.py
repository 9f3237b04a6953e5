"""ONNX: a graph and raw numbers. The user's own file is what is read, and it holds no code; its architecture is the file's."""

from pathlib import Path
from typing import Any

from torch import nn

from dgnam_models.card import CardError, ModelCard
from dgnam_models.nets._onnx import Converted, Original
from dgnam_models.nets._onnx_graph import Graph, libraries


def read(path: Path) -> Graph:
    """The graph of an ONNX file, its weights beside it read in.

    Raises:
        CardError: the file cannot be read, or is not one that can be served.
    """
    onnx = _libraries()
    try:
        model = onnx.load(path)
    except Exception as error:  # what is wrong with a file comes as protobuf's, onnx's and Python's own errors
        raise CardError(f"{path} cannot be read as ONNX: {error}") from error
    graph = Graph(model)
    if wrong := graph.problems():
        raise CardError(f"{path}: " + "; ".join(wrong))
    return graph


def load(card: ModelCard, path: Path) -> nn.Module:
    """Convert the file; where the card says why it gives no gradients, it is run by onnxruntime instead."""
    graph = read(path)
    taps = [tap.name for tap in card.taps]
    if missing := set(taps) - set(graph.taps):
        raise CardError(f"{card.name}: {path.name} has no {', '.join(sorted(missing))}")
    try:
        original = Original(graph, taps, **card.parameters)
    except Exception as error:  # onnxruntime has its own exceptions
        raise CardError(f"{card.name}: onnxruntime cannot run {path.name}: {error}") from error
    if card.forward_only:
        return original
    try:
        return Converted(graph, original=original, **card.parameters)
    except Exception as error:  # a converter may raise anything
        raise CardError(f"{card.name}: {path.name} can no longer be converted, import it again: {error}") from error


def _libraries() -> Any:
    try:
        return libraries()[0]
    except ImportError as error:
        raise CardError(str(error)) from error
