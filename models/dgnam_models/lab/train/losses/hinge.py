"""The game of a generator and a critic of several heads, with hinges (Lim & Ye 2017, arXiv 1705.02894; Sauer et al. 2021, eq. 1)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import relu


def critic_loss(real_logits: Sequence[Tensor], drawn_logits: Sequence[Tensor]) -> Tensor:
    """`sum over heads of mean max(0, 1 - D(real)) + mean max(0, 1 + D(drawn))`, for logits of any shape, a tensor a head."""
    return torch.stack(
        [relu(1 - real).mean() + relu(1 + drawn).mean() for real, drawn in zip(real_logits, drawn_logits, strict=True)]
    ).sum()


def generator_loss(drawn_logits: Sequence[Tensor]) -> Tensor:
    """`- mean over heads of mean D(drawn)`."""
    return -mean_logit(drawn_logits)


def mean_logit(logits: Sequence[Tensor]) -> Tensor:
    """`mean over heads of mean D`: what the critic thinks of a batch in one number, (), positive for photographs."""
    return torch.stack([logit.mean() for logit in logits]).mean()
