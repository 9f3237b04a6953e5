"""How far the code of a drawn picture is from the code that it was drawn from."""

from torch import Tensor


def code_error(found: Tensor, wanted: Tensor) -> Tensor:
    """`mean ||E(G(y)) - y||^2 / ||y||^2` over codes (B, D), found E(G(y)) and wanted y."""
    return ((found - wanted).square().sum(1) / wanted.square().sum(1).clamp_min(1e-8)).mean()
