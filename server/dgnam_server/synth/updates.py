"""Update rules: gradient in, step out."""

from torch import Tensor


def normalized_ascent(code: Tensor, gradient: Tensor, rate: Tensor) -> Tensor:
    """`code + rate * g / mean|g|`, the mean over this row's code units only (released script of Nguyen et al. 2016).

    Args:
        code, gradient: (B, D).
        rate: (B,), in units of the code.
    """
    size = gradient.abs().mean(1, keepdim=True)  # (B, 1); a zero leads to NaN, which the caller keeps out
    return code + rate[:, None] * gradient / size


def linear_rate(start: Tensor, end: Tensor, step: Tensor, steps: Tensor) -> Tensor:
    """`start + (end - start) * step / steps`, (B,); the end itself is never reached, as in the released script."""
    return start + (end - start) * step / steps
