"""Codes: what an encoder has at a tap for photographs, which is what a prior draws from."""

import torch
from torch import Tensor
from tqdm import tqdm

from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, batches
from dgnam_models.preprocess import crop_or_enlarge


def encode(encoder: Network, tap: str, images: Tensor) -> Tensor:
    """The codes (B, D) of images (B, 3, H, W) in [0, 1]: what `encoder` has at `tap`, seeing their middle as large as it takes it."""
    return encoder.activations(crop_or_enlarge(images, encoder.input_size), [tap])[tap].flatten(1)


@torch.no_grad()
def of_photographs(encoder: Network, tap: str, photographs: Photographs, progress: bool = False) -> Tensor:
    """The photographs' codes, (N, D) float32 on the processor.

    Args:
        progress: show a bar.
    """
    device, found = encoder.preprocess.mean.device, []
    with tqdm(total=len(photographs), desc="codes", disable=None if progress else True, leave=False) as bar:
        for images, _ in batches(photographs, device):
            found.append(encode(encoder, tap, images).cpu())
            bar.update(len(images))
    return torch.cat(found)
