"""What networks gave for draws of code priors, kept within a bound: the least lately used goes first."""

from collections import OrderedDict
from collections.abc import Hashable

from torch import Tensor

MOST_BYTES = 256 * 2**20


class DrawCache:
    """Tensors by key. Only the device thread touches it."""

    def __init__(self, capacity_bytes: int = MOST_BYTES) -> None:
        self._capacity, self._held = capacity_bytes, 0
        self._tensors: OrderedDict[Hashable, Tensor] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """What its tensors take."""
        return self._held

    def get(self, key: Hashable) -> Tensor | None:
        """The tensor of this key, where it is still there."""
        if key in self._tensors:
            self._tensors.move_to_end(key)
        return self._tensors.get(key)

    def put(self, key: Hashable, tensor: Tensor) -> None:
        """Keep a tensor, at the cost of others."""
        self._drop(key)
        self._tensors[key] = tensor
        self._held += tensor.nbytes
        while self._held > self._capacity:
            self._drop(next(iter(self._tensors)))

    def _drop(self, key: Hashable) -> None:
        if (gone := self._tensors.pop(key, None)) is not None:
            self._held -= gone.nbytes
