"""Codes where an ascent leads, for which there is no photograph: a generator that has seen them draws objects there too.

An ascent through the generator does not go along the class's weights, though the code is what these read: what it finds (measured with the
bundled prior: at right angles to them) is what the generator draws wrong to the encoder's delight. So the codes come from real ascents,
short ones (projected gradient steps, Madry et al. 2017, arXiv 1706.06083), on the generator as it is at that step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from dgnam_models.lab.train.jitter import jitter
from dgnam_models.network import Network
from dgnam_models.preprocess import resize

DEVIATIONS = 3  # from the mean; the published clip of an ascent (Nguyen et al. 2016, section 2.2)
ANY = -1  # unit of an ascent
AMONG = 50  # the strongest classes of a drawn picture, of which one is climbed: an ascent begins where its unit is strong already


@dataclass(frozen=True)
class Ascent:
    """An ascent on class units.

    Attributes:
        network: whose they are, frozen, at the size at which pictures are drawn for it.
        bounds: (2, D), the least code there is, and the largest.
        length: of the longest way, in lengths of the code.
        steps: in which it is gone.
        shift_px, scale, degrees: by how much the view may move, differ in size and turn at each step.
    """

    network: Network
    bounds: Tensor
    length: float
    steps: int
    shift_px: float = 3.0
    scale: float = 0.08
    degrees: float = 3.0

    def moved(self, code: Tensor, draw: Callable[[Tensor], Tensor], wanted: Tensor) -> Tensor:
        """Codes (B, D) after `steps` times `y <- clip(y + u L |y_0| / steps * g / |g|, bounds)`, g the gradient of one class unit.

        u of [0, 1] is drawn for each code.

        Args:
            draw: a picture in [0, 1] (B, 3, H, W) of each code; gradients pass through it.
            wanted: (B, 1) int64, the unit of each code; `ANY`: one of the strongest of its picture, by lot.

        Random source: torch's own on the processor, which the run seeds at every step.
        """
        ways = torch.rand(len(code), 1).to(code.device) * self.length * code.norm(dim=1, keepdim=True)
        choice, unit = torch.randint(AMONG, (len(code), 1)).to(code.device), None
        for _ in range(self.steps):
            code = code.detach().requires_grad_()
            (view,) = jitter((draw(code),), self.shift_px, self.scale, self.degrees)
            logits = self.network.logits(resize(view, self.network.input_size))
            if unit is None:
                strongest = logits.topk(min(AMONG, logits.shape[1])).indices
                unit = torch.where(wanted == ANY, strongest.gather(1, choice % strongest.shape[1]), wanted)
            (gradient,) = torch.autograd.grad(logits.gather(1, unit).sum(), code)
            code = (code.detach() + ways / self.steps * normalize(gradient, dim=1)).maximum(self.bounds[0]).minimum(self.bounds[1])
        return code


def bounds(codes: Tensor) -> Tensor:
    """(2, D): the least and the largest code of an ascent, from codes (N, D) of photographs; the least is 0 where no code is negative."""
    mean, reach = codes.mean(0), DEVIATIONS * codes.std(0)
    return torch.stack([mean - reach if signed(codes) else torch.zeros_like(mean), mean + reach])


def signed(codes: Tensor) -> bool:
    """Whether units of the code may be negative, as codes (N, D) of photographs tell."""
    return bool((codes < 0).any())
