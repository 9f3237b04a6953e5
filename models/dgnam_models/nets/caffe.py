"""A network as Caffe describes one: layers in order, each reading blobs and writing blobs, sometimes over those it reads."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor, nn

from dgnam_models.card import addressable
from dgnam_models.nets._caffe_layers import LAYERS, channelwise
from dgnam_models.nets._folding import Fold, apart, fold, is_linear


@dataclass(frozen=True)
class Step:
    """One layer's place in the graph: the taps it reads and those it writes."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


class Caffe(nn.Module):
    """Layers run one after the other. Every blob is a tap.

    A layer that writes over a blob (as a ReLU does to its convolution's output) gets a tap of its own, under the layer's name, so that
    `conv1` is read before its ReLU, `relu1` after it. In a tap's name, `_` stands for what an address cannot hold.
    """

    def __init__(self, input_shape: Sequence[int], layers: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.input_shape = tuple(input_shape)
        self.names = [(str(layer["name"]), str(layer["type"])) for layer in layers]
        self.layers = nn.ModuleList(_layer(layer) for layer in layers)
        self.steps = _steps(layers)
        self._path = cache(self._find_path)
        self._folds: list[Fold] = []

    @property
    def code_shape(self) -> tuple[int, ...]:
        """What a generator takes; a code (B, D) is brought into it."""
        return self.input_shape

    def tap_names(self) -> list[str]:
        """All taps in the order they are computed."""
        return [tap for step in self.steps for tap in step.writes]

    def fold_(self, x: Tensor) -> None:
        """Fold BatchNorm, Scale and Bias into the map before them, where nothing else reads what is between."""
        for first, layer in enumerate(self.layers):
            path = self._followers(first) if is_linear(layer) else []
            if not is_linear(layer) or not path:
                continue
            taps = [self.steps[index].writes[0] for index in (first, *path[:-1])]
            affines = [channelwise(self.layers[index]) for index in path]
            done = fold(layer, [(self.layers[i], affine) for i, affine in zip(path, affines, strict=True) if affine is not None], taps)
            for index, part in zip((first, *path), done.parts, strict=True):
                self.layers[index] = part
            self._folds.append(done)

    def _followers(self, index: int) -> list[int]:
        """The layers after this one that scale and shift channels, each of which alone reads what the one before it writes."""
        found = list[int]()
        while True:
            tap = self.steps[index].writes[0]
            readers = [i for i, step in enumerate(self.steps) if tap in step.reads]
            if len(readers) != 1 or self.steps[readers[0]].reads != (tap,) or channelwise(self.layers[readers[0]]) is None:
                return found
            index = readers[0]
            found.append(index)

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """Run the layers that `taps` need and no others; an input (B, D) is brought into the shape the first layer takes."""
        with apart(self._folds, taps):
            return self._run(x, taps)

    def _run(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        if missing := set(taps) - set(self.tap_names()):
            raise KeyError(f"no such tap: {sorted(missing)}")
        path = self._path(frozenset(taps))
        readers = Counter(tap for index in path for tap in self.steps[index].reads)
        values = {tap: x.reshape(-1, *self.input_shape) for tap in self._inputs()}
        found: dict[str, Tensor] = {}
        for index in path:
            step = self.steps[index]
            output = self.layers[index](*(values[tap] for tap in step.reads))
            values |= zip(step.writes, output if isinstance(output, tuple) else (output,), strict=True)
            found |= {tap: values[tap] for tap in step.writes if tap in taps}
            for tap in step.reads:  # forget what nobody reads any more
                readers[tap] -= 1
                if not readers[tap]:
                    values.pop(tap, None)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's output."""
        tap = self.tap_names()[-1]
        return self.activations(x, [tap])[tap]

    def _inputs(self) -> set[str]:
        return {tap for step in self.steps for tap in step.reads} - set(self.tap_names())

    def _find_path(self, taps: frozenset[str]) -> tuple[int, ...]:
        """The layers that `taps` need, in order."""
        needed, path = set(taps), []
        for index in reversed(range(len(self.steps))):
            if needed & set(self.steps[index].writes):
                path.append(index)
                needed |= set(self.steps[index].reads)
        return tuple(reversed(path))


def build(input_shape: Sequence[int], layers: Sequence[Mapping[str, Any]]) -> Caffe:
    """Return the network.

    Args:
        input_shape: of one row, (C, H, W) or (D,).
        layers: each with its name, its type (a key of `LAYERS`), the blobs it reads (`bottom`) and writes (`top`), and `options`.
    """
    return Caffe(input_shape, layers)


def _layer(layer: Mapping[str, Any]) -> nn.Module:
    made: nn.Module = LAYERS[layer["type"]](**layer.get("options", {}))
    return made


def _steps(layers: Sequence[Mapping[str, Any]]) -> list[Step]:
    layers = [_named(layer) for layer in layers]
    blobs = {blob for layer in layers for blob in (*layer["bottom"], *layer["top"])}
    now: dict[str, str] = {}  # which tap holds a blob's latest value
    steps = []
    for layer in layers:
        reads = tuple(now.get(blob, blob) for blob in layer["bottom"])
        for blob in layer["bottom"]:
            now.setdefault(blob, blob)
        writes = []
        for blob in layer["top"]:
            own = blob if blob not in now else layer["name"]
            if own != blob and (own in blobs or own in now.values()):
                own = f"{layer['name']}/{blob}"
            now[blob] = own
            writes.append(own)
        steps.append(Step(reads, tuple(writes)))
    return steps


def _named(layer: Mapping[str, Any]) -> dict[str, Any]:
    """The layer's names as addresses can hold them: Caffe allows any."""
    blobs = {key: [addressable(blob) for blob in layer[key]] for key in ("bottom", "top")}
    return {"name": addressable(str(layer["name"])), **blobs}
