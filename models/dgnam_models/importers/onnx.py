"""ONNX classifiers from any framework: the file is kept as it is, and what it computes in PyTorch is held against onnxruntime.

The check at import, on random pictures: every tap's values equal onnxruntime's, and its gradient with respect to the picture is finite and
not zero. A network that does not pass can be looked at, but nothing can be drawn for it; its card says why.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from dgnam_models import gate
from dgnam_models.card import CardError, ModelCard, Preprocessing, Tap
from dgnam_models.importers import LICENCE
from dgnam_models.loaders.onnx import read
from dgnam_models.nets._onnx import Converted, Original
from dgnam_models.nets._onnx_graph import Graph, libraries
from dgnam_models.network import Network

TOLERANCE = 1e-3  # of a tap's largest value: rounding in a deep network, and no more
HALF_TOLERANCE = 2e-2  # where the file computes in float16 and its conversion in float32
_ROWS = 2


@dataclass(frozen=True)
class Findings:
    """What the check found: the taps that passed, in order; why others did not; and what the loader has to be told."""

    good: tuple[Tap, ...]
    failed: dict[str, str]
    parameters: dict[str, Any]


def classifier(
    file: Path,
    name: str,
    *,
    preprocessing: Preprocessing,
    taps: Sequence[str] = (),
    output: str | None = None,
    labels: Sequence[str] = (),
    licence: str = LICENCE,
) -> tuple[ModelCard, Callable[[Path], None]]:
    """Return a classifier's card, and what writes its file: the one given, with its weights inside if they lay beside it.

    Args:
        preprocessing: what the network was trained to see.
        taps: values to read, as the file names them; (): all that pass the check.
        output: the tap with the class units; None: the file's first output, or what it is the softmax of.
        labels: of the class units.

    Raises:
        CardError: the file cannot be read or run on such pictures, or has no such taps.
    """
    graph = read(file)
    _check_input(graph, preprocessing, file)
    output = output or graph.logits
    if missing := sorted({*taps, output} - set(graph.taps)):
        raise CardError(f"{file} has no {', '.join(missing)}; the last of what it has are {', '.join(list(graph.taps)[-12:])}")
    draft = ModelCard(
        name=name,
        role="classifier",
        description=f"an ONNX network, {file.name}",
        licence=licence,
        format="onnx",
        file="",
        sha256="",
        architecture="onnx",
        parameters={},
        preprocessing=preprocessing,
        output_tap=output,
        labels=tuple(labels),
        training={"source": file.name, **made_by(graph)},
    )
    one_by_one = _holds_to_one(graph, draft)
    draft = replace(draft, parameters={"one_by_one": True} if one_by_one else {})
    shapes = _shapes(graph, draft, tuple(dict.fromkeys([*taps, output])) if taps else tuple(graph.taps), file)
    if output not in shapes or any(tap not in shapes for tap in taps):
        unfit = next(tap for tap in (*taps, output) if tap not in shapes)
        raise CardError(f"{file}: {unfit} is no activation: its values are not floating-point numbers with a row per picture")
    try:
        found = check(graph, draft, shapes)
        why = [f"{tap}: {found.failed[tap]}" for tap in dict.fromkeys((*taps, output)) if tap in found.failed]
        reason = shorten("; ".join(why), 300)
    except Exception as error:  # a converter may raise anything
        found, reason = Findings((), {}, {}), shorten(f"it cannot be converted: {error}", 300)
    if reason:
        card = replace(draft, forward_only=reason, taps=tuple(Tap(tap, shape) for tap, shape in shapes.items()))
    else:
        card = replace(draft, taps=found.good, parameters=found.parameters)
    if wrong := card.problems():
        raise CardError(f"{name}: " + "; ".join(wrong))
    return card, partial(save, file, graph)


def size_of(file: Path, given: tuple[int, int] | None = None) -> tuple[int, int]:
    """Height and width in pixels of the pictures that the file takes: its own, or where it leaves them free, those given.

    Raises:
        CardError: it leaves them free and none are given, or it cannot be read.
    """
    graph = read(file)
    height, width = (graph.shape[1:3] if graph.channels_last else graph.shape[2:4]) if len(graph.shape) == 4 else (1, 1)
    if given is not None:
        return given
    if height is None or width is None:
        raise CardError(f"{file} takes pictures of any size: say with --size at which to use it")
    return height, width


def check(graph: Graph, card: ModelCard, shapes: dict[str, tuple[int, ...]]) -> Findings:
    """Convert the file and hold every tap of `shapes` against onnxruntime.

    Raises:
        Exception: of any kind, where it cannot be converted or run.
    """
    original = Original(graph, shapes, **card.parameters)
    image = torch.rand(_ROWS, 3, *card.preprocessing.size, generator=torch.Generator().manual_seed(0))
    wanted = Network(card, original).activations(image, shapes)
    differ: dict[str, str] = {}
    for one_by_one in (True,) if card.parameters else (False, True):
        network = _served(card, Converted(graph, one_by_one=one_by_one))
        try:
            with torch.no_grad():
                found = network.activations(image, shapes)
        except RuntimeError:
            if one_by_one:
                raise
            continue
        tolerance = HALF_TOLERANCE if graph.halved else TOLERANCE
        differ = {tap: reason for tap in shapes if (reason := difference(found[tap], wanted[tap], tolerance))}
        if card.output_tap not in differ:
            break
    same = [tap for tap in shapes if tap not in differ]
    failed = differ | (gate.faults(network, same, same) if same else {})
    good = tuple(Tap(tap, shape) for tap, shape in shapes.items() if tap not in failed)
    return Findings(good, failed, {"one_by_one": True} if one_by_one else {})


def _served(card: ModelCard, module: Converted) -> Network:
    """As `dgnam_models.load` has it: the memory format can make a difference."""
    network = Network(card, module).eval()
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def difference(found: Tensor, wanted: Tensor, tolerance: float = TOLERANCE) -> str:
    """How a conversion's value differs from onnxruntime's beyond rounding; empty: it does not."""
    if found.shape != wanted.shape:
        return f"its conversion has the shape {tuple(found.shape)}, onnxruntime's value {tuple(wanted.shape)}"
    largest, error = float(wanted.abs().max()), float((found - wanted).abs().max())
    return (
        ""
        if error <= tolerance * largest
        else f"its conversion differs from onnxruntime's value by {error:.2g}, the largest being {largest:.2g}"
    )


def _holds_to_one(graph: Graph, card: ModelCard) -> bool:
    """Whether the file must be run picture by picture, though it takes batches: it holds a batch of one inside, or mixes pictures."""
    image = torch.rand(_ROWS, 3, *card.preprocessing.size, generator=torch.Generator().manual_seed(2))
    output = card.output_tap
    try:
        original = Original(graph, [output])
        encoded = Network(card, original).preprocess.encode(image)
        together = original.values(encoded, [output])[output]
    except Exception:  # onnxruntime has its own exceptions; what cannot be run at all is told later
        return True
    alone = [original.values(row, [output])[output] for row in encoded.split(1)]
    rows = torch.cat(alone) if alone[0].ndim else torch.stack(alone)
    return together.shape != rows.shape or bool(difference(together.float(), rows.float()))


def _shapes(graph: Graph, card: ModelCard, taps: tuple[str, ...], file: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of those taps that hold activations: a row per picture, of floating-point numbers, none of them infinite."""
    image = torch.rand(_ROWS, 3, *card.preprocessing.size, generator=torch.Generator().manual_seed(1))
    try:
        original = Original(graph, taps, **card.parameters)
        encoded = Network(card, original).preprocess.encode(image)
        values = original.values(encoded, taps)
        rows = [tap for tap, value in values.items() if value.is_floating_point() and value.ndim in (1, 2, 3, 4) and len(value) == _ROWS]
        found = original.activations(encoded, rows)
    except Exception as error:  # onnxruntime has its own exceptions
        raise CardError(f"{file}: onnxruntime cannot run it on a picture of {card.preprocessing.size}: {error}") from error
    return {tap: tuple(value.shape[1:]) for tap, value in found.items() if value.isfinite().all() and min(value.shape) > 0}


def _check_input(graph: Graph, preprocessing: Preprocessing, file: Path) -> None:
    lengths = graph.shape
    if len(lengths) != 4:
        raise CardError(f"{file}: its input has the shape {lengths}; a batch of pictures has four lengths")
    channels, size = (lengths[3], lengths[1:3]) if graph.channels_last else (lengths[1], lengths[2:])
    given = (len(preprocessing.letters), *preprocessing.size)
    for wanted, there, what in zip((channels, *size), given, ("channels", "height", "width"), strict=True):
        if wanted is not None and wanted != there:
            raise CardError(f"{file}: its input has the shape {lengths}, {wanted} {what}; the preprocessing gives {there}")


def made_by(graph: Graph) -> dict[str, str]:
    """What wrote the file, for the card."""
    made = f"{graph.model.producer_name} {graph.model.producer_version}".strip()
    return {"producer": made} if made else {}


def save(file: Path, graph: Graph, path: Path) -> None:
    """Copy the file; only where weights lay beside it is it written anew, with them inside."""
    onnx, _, _ = libraries()
    bare = onnx.load(file, load_external_data=False)
    if not any(tensor.external_data for tensor in bare.graph.initializer):
        shutil.copyfile(file, path)
        return
    try:
        path.write_bytes(graph.model.SerializeToString())
    except ValueError as error:  # protobuf's limit
        raise CardError(f"an ONNX file with its weights inside cannot be larger than 2 GB: {error}") from error
