"""What keeps a code where real photographs' codes are."""

from torch import Tensor


def clip(code: Tensor, bound: Tensor) -> Tensor:
    """`min(max(code, 0), bound)` per unit, (B, D) (Nguyen et al. 2016, section 2.2)."""
    return code.clamp(min=0).minimum(bound)


def shrink(code: Tensor, decay: Tensor) -> Tensor:
    """`code * (1 - decay)`, (B, D): the L2 penalty as the released script implements it (0.99 at its default)."""
    return code * (1 - decay)[:, None]
