"""The denoiser that a mixture of Gaussians has: nothing of it is trained, its formula is exact."""

from collections.abc import Mapping

import torch
from torch import Tensor

from dgnam_models.nets.denoiser import Denoiser

MIXTURE = ("components", "variances", "centres", "weights", "spread")  # the tensors of a mixture in a prior's weight file


class MixtureDenoiser(Denoiser):
    """`D(w, s) = sum_m p(m | w) (c_m + S (S + s^2)^-1 (w - c_m))`, `p(m | w) ~ weight_m N(w; c_m, S + s^2)`, in float32.

    The mean of what a latent can have been is the score's formula the other way round (Robbins 1956; Karras et al. 2022, arXiv 2206.00364,
    eq. 3), and of a mixture of Gaussians with centres c_m and one covariance S that mean is known. S is turned into a diagonal once,
    `S = Q diag(v) Q^T`; all is computed along the columns of Q.
    """

    def __init__(self, mean: Tensor, mixture: Mapping[str, Tensor], rectified: bool) -> None:
        """A mixture in the codes' principal components, its tensors by the names in MIXTURE, `mean` (D,) its origin."""
        scale = mixture["variances"].float().sqrt()  # (K,)
        super().__init__(mean.float(), mixture["components"].float() * scale[:, None], rectified)
        spread = mixture["spread"].float() / scale[:, None]
        values, turn = torch.linalg.eigh((spread @ spread.T).double())
        self.register_buffer("turn", turn.float())  # Q, (K, K)
        self.register_buffer("values", values.clamp(min=0).float())  # v, (K,)
        self.register_buffer("centres", (mixture["centres"].float() / scale) @ turn.float())  # (M, K), along Q
        self.register_buffer("weights", mixture["weights"].float().log())  # (M,), logarithms
        self.turn: Tensor
        self.values: Tensor
        self.centres: Tensor
        self.weights: Tensor

    def forward(self, latent: Tensor, level: Tensor) -> Tensor:
        w = latent @ self.turn
        whole = self.values + level.square()[:, None]  # (B, K)
        # -|w - c|^2 / 2 in lengths of S + s^2, but for |w|^2, which all centres have in common
        agreement = (w / whole) @ self.centres.T - (1 / whole) @ self.centres.square().T / 2
        centre = (agreement + self.weights).softmax(1) @ self.centres
        found: Tensor = (centre + self.values / whole * (w - centre)) @ self.turn.T
        return found
