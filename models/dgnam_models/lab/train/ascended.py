"""Codes moved to where an ascent goes, for which there is no photograph: a generator that has seen them draws objects there too."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from dgnam_models.errors import RecipeError
from dgnam_models.network import Network

DEVIATIONS = 3  # above the mean; the published clip of an ascent (Nguyen et al. 2016, section 2.2)


@dataclass(frozen=True)
class Ascent:
    """Where an ascent on the encoder's own class units goes."""

    directions: Tensor  # (classes, D), of unit length
    bound: Tensor  # (D,), the largest code there is
    length: float  # of the longest move, in lengths of the code

    def moved(self, code: Tensor) -> Tensor:
        """`clip(y + u L |y| W_c / |W_c|, 0, bound)` for codes y (B, D), with a class c and u of [0, 1] drawn for each.

        Random source: torch's own on the processor, which the run seeds at every step.
        """
        classes, shares = torch.randint(len(self.directions), (len(code),)), torch.rand(len(code), 1)
        steps = shares.to(code.device) * self.length * code.norm(dim=1, keepdim=True)
        moved: Tensor = code + steps * self.directions[classes.to(code.device)]
        return moved.clamp_min(0).minimum(self.bound)


def ascent(encoder: Network, codes: Tensor, length: float) -> Ascent:
    """The ascent on the class units of `encoder` from `codes` (N, D) of photographs, whose mean and deviation give the bound.

    A code with several places of each feature, side by side, is moved alike at all of them.

    Raises:
        RecipeError: the class units do not read the features of the code.
    """
    layer = encoder.module.get_submodule(f"stages.{encoder.card.output_tap}")
    size = codes.shape[1]
    if not isinstance(layer, nn.Linear) or size % layer.in_features:
        raise RecipeError(f"projected.ascended_share: the class units of {encoder.name} do not read the {size} units of the code")
    directions = normalize(layer.weight.detach().float().repeat_interleave(size // layer.in_features, dim=1), dim=1)
    return Ascent(directions, codes.mean(0) + DEVIATIONS * codes.std(0), length)
