"""The terms of a generator's training (Dosovitskiy & Brox 2016, arXiv 1602.02644, section 2), each the mean over the batch."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, softplus


def image_error(drawn: Tensor, real: Tensor) -> Tensor:
    """`mean (drawn - real)^2` over images (B, 3, H, W) in [-1, 1] (eq. 4, as a mean instead of a sum)."""
    return mse_loss(drawn, real)


def feature_error(drawn: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """`mean over taps of ||C(drawn) - C(real)||^2 / ||C(real)||^2` (eq. 3, each layer relative to its own energy).

    The source compares one layer; several layers, none of which may dominate by its scale, hold layout as well as texture.
    """
    errors = [mse_loss(drawn[tap], real[tap]) / real[tap].square().mean().clamp_min(1e-8) for tap in real]
    return torch.stack(errors).mean()


def adversarial(drawn_logit: Tensor) -> Tensor:
    """`mean -log D(drawn)` for logits (B,) (eq. 2; the non-saturating form of Goodfellow et al. 2014)."""
    return softplus(-drawn_logit).mean()


def discrimination(real_logit: Tensor, drawn_logit: Tensor) -> Tensor:
    """`mean -log D(real) - log(1 - D(drawn))` for logits (B,) (eq. 1)."""
    return softplus(-real_logit).mean() + softplus(drawn_logit).mean()
