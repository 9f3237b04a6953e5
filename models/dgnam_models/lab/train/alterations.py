"""Altered copies of photographs, as classes of their own: does what a unit prefers show what its class shows (Nguyen et al. 2016, 3.5)?

An alteration takes pixels (N, 3, S, S) uint8 RGB and a random source, and returns new ones of that shape; its name is a recipe's `altered`
or `told_apart`.
"""

import math
from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor

from dgnam_models.lab.train.config import Recipe
from dgnam_models.photographs import Photographs

# The source blurs by 3 px at 256 px. In proportion that is 0.75 px at 64 px, which such photographs and the priors do not show.
BLUR_PX = 2.0


def shuffled(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Each picture's quarters in a random order other than their own (the source allows that one too)."""
    orders = torch.tensor([order for order in permutations(range(4)) if order != (0, 1, 2, 3)])
    picked = orders[torch.randint(len(orders), (len(pixels),), generator=random)]  # (N, 4)
    half = pixels.shape[2] // 2
    grid = pixels.unflatten(3, (2, half)).unflatten(2, (2, half)).permute(0, 2, 4, 1, 3, 5)  # (N, row, column, 3, half, half)
    quarters = grid.flatten(1, 2)[torch.arange(len(pixels))[:, None], picked]
    mixed: Tensor = quarters.unflatten(1, (2, 2)).permute(0, 3, 1, 4, 2, 5).reshape(pixels.shape)
    return mixed


def swapped(pixels: Tensor, random: torch.Generator) -> Tensor:
    """RGB as BRG: red shows what blue was, green what red was, blue what green was."""
    return pixels[:, [2, 0, 1]]


def blurred(pixels: Tensor, random: torch.Generator) -> Tensor:
    """A Gaussian of standard deviation `BLUR_PX`; beyond the border the picture is mirrored."""
    reach = math.ceil(3 * BLUR_PX)
    line = torch.exp(-torch.arange(-reach, reach + 1.0).square() / (2 * BLUR_PX**2))
    line = (line / line.sum()).expand(3, 1, 1, -1)
    image = torch.nn.functional.pad(pixels.float(), [reach] * 4, mode="reflect")
    for kernel in (line, line.transpose(2, 3)):
        image = torch.nn.functional.conv2d(image, kernel, groups=3)
    return image.round().clamp(0, 255).byte()


Alteration = Callable[[Tensor, torch.Generator], Tensor]
ALTERATIONS: dict[str, Alteration] = {alter.__name__: alter for alter in (shuffled, swapped, blurred)}


def alter(name: str, pixels: Tensor, seed: int = 0) -> Tensor:
    """`pixels` (N, 3, S, S) uint8 altered as `name` says, the same for the same seed."""
    random = torch.Generator().manual_seed(seed)
    return torch.cat([ALTERATIONS[name](part, random) for part in pixels.split(2048)])


def prepared(recipe: Recipe, photographs: Photographs) -> Photographs:
    """What `recipe` learns from: the photographs, or they and their altered copies, with the labels it learns them by.

    With `altered = "shuffled"` the classes are "lemon", ..., then "shuffled lemon", ...; with `told_apart` they are "whole" and "shuffled".
    """
    name = recipe.altered or recipe.told_apart
    if name is None:
        return photographs
    pixels = torch.cat([photographs.pixels, alter(name, photographs.pixels, recipe.seed)])
    if recipe.told_apart:
        return Photographs(pixels, torch.arange(2).repeat_interleave(len(photographs)), ("whole", name))
    names = (*photographs.names, *(f"{name} {label}" for label in photographs.names))
    return Photographs(pixels, torch.cat([photographs.labels, photographs.labels + len(photographs.names)]), names)
