"""Distribution matching: how near each map's sorted activations come to those of exemplars, wherever in the picture they are."""

import torch
from torch import Tensor

from dgnam_server.synth.objectives.objective import Objective, Shown, cut
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def ordered(activation: Tensor) -> Tensor:
    """Every map's activations, the smallest first: (B, C, H, W) -> (B, C, H W)."""
    return activation.flatten(2).sort(2).values


def closeness(activation: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """`-sum_k r_k ||sort(phi_k(x)) - s_k||^2 / sum_k r_k ||s_k||^2`, (B, T) (after Görgün, Schiele & Fischer 2025, arXiv 2503.22399: sort
    matching; here relative to what is wanted, as all our distances are). 0 where the distributions are equal.

    Args:
        activation: phi(x), (B, C, H, W).
        wanted: s, (B, T, C, H W), the mean of the exemplars' sorted activations.
        weight: r, (B, T, C), how much each map counts.
    """
    distance = (weight * (ordered(activation)[:, None] - wanted).square().sum(3)).sum(2)
    length = (weight * wanted.square().sum(3)).sum(2)
    return -distance / torch.where(length > 0, length, 1.0)


def _read(tap: Tensor, rows: Rows) -> Tensor:
    maps, places = tap.shape[1], tap.shape[2] * tap.shape[3]
    vector = cut(rows.vector, maps * places + maps)
    wanted, weight = vector[..., : maps * places], vector[..., maps * places :]
    return closeness(tap, wanted.unflatten(2, (maps, places)), weight)


def _wanted(shown: Shown) -> Tensor:
    """s, and behind it r."""
    maps = shown.activation.shape[1]
    weight = torch.ones(maps, device=shown.activation.device) if shown.relevance is None else shown.relevance
    return torch.cat([ordered(shown.activation).mean(0).flatten(), weight])


SORTED_MAPS = Objective(Readout.SORTED_MAPS, _read, of_whole_taps=True, wanted=_wanted)
