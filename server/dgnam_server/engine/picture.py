"""A picture on its way from the device to its caller."""

import numpy as np
from torch import Tensor


def on_host(image: Tensor) -> np.ndarray:
    """Image (3, H, W) as (H, W, 3) float32 in the host's memory."""
    return image.permute(1, 2, 0).float().cpu().contiguous().numpy()
