"""How much memory a row takes, known before it is admitted: from shapes alone."""

import math
from collections.abc import Collection

from dgnam_models import Network

_BYTES = 4  # float32
_NETWORK_COPIES = 3  # an activation, its gradient, and what a convolution lays out for itself
_IMAGE_COPIES = 40  # a picture on its way: views, pyramids, penalties, their gradients, and what the update rule remembers


def row_bytes(networks: Collection[Network], size: tuple[int, int]) -> int:
    """Bytes that one row of a picture of `size` (height, width) takes at most, about, with these networks looking at it."""
    activations = {network.name: sum(math.prod(tap.shape) for tap in network.card.taps) for network in networks}
    return _BYTES * (_NETWORK_COPIES * sum(activations.values()) + _IMAGE_COPIES * 3 * size[0] * size[1])
