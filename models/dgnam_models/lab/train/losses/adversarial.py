"""The game of a generator and a discriminator (Goodfellow et al. 2014, arXiv 1406.2661), for logits (B,) of a discriminator D."""

from torch import Tensor
from torch.nn.functional import softplus


def generator_loss(drawn_logit: Tensor) -> Tensor:
    """`mean -log D(drawn)` (Dosovitskiy & Brox 2016, eq. 2; the non-saturating form)."""
    return softplus(-drawn_logit).mean()


def discriminator_loss(real_logit: Tensor, drawn_logit: Tensor) -> Tensor:
    """`mean -log D(real) - log(1 - D(drawn))` (Dosovitskiy & Brox 2016, eq. 1)."""
    return softplus(-real_logit).mean() + softplus(drawn_logit).mean()
