"""Relevance: how much each map of a tap has to do with a unit behind it."""

from torch import Tensor


def relevance(activation: Tensor, slope: Tensor) -> Tensor:
    """`r_k = sum_e sum_xy max(0, phi_k dS/dphi_k)`, divided by its mean over the maps, (C,): 1 on average.

    The gradient times the input, as layer-wise relevance propagation is for networks of ReLUs (Shrikumar et al. 2016, arXiv 1605.01713),
    which VITAL propagates instead (Görgün, Schiele & Fischer 2025, arXiv 2503.22399); what speaks against the unit is left out. Where
    nothing speaks for it, all maps count alike.

    Args:
        activation: phi, (K, C, H, W), of K exemplars.
        slope: dS / dphi, of the same shape, S being the unit's activation.
    """
    found = (activation * slope).clamp(min=0).sum((0, 2, 3))
    mean = found.mean()
    return found / mean if mean > 0 else found + 1
