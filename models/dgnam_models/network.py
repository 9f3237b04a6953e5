"""Network and Generator: a frozen module with its card and preprocessing, speaking float32 [0, 1] RGB images to the outside."""

from collections.abc import Collection
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dgnam_models.card import ModelCard
from dgnam_models.preprocess import Preprocess


@runtime_checkable
class Tapped(Protocol):
    """A module whose activations can be read at named taps, as far as possible without computing more than they need."""

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The values at `taps`, (B, C, H, W) or (B, C) each. Raises KeyError for a tap that is not there."""


class Network(nn.Module):
    """A classifier with named taps; image (B, 3, H, W) float32 RGB, nominally in [0, 1]."""

    def __init__(self, card: ModelCard, module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        assert isinstance(module, Tapped)
        self.card = card
        self.dtype = _own_precision(module) or dtype
        self.module = module.to(self.dtype)
        self.preprocess = Preprocess(card.preprocessing)
        self.requires_grad_(False)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def original(self) -> Tapped | None:
        """What `module` is a conversion of, without gradients, where it is one."""
        return getattr(self.module, "original", None)

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in pixels of the images it takes."""
        return self.card.preprocessing.size

    def activations(self, image: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """Activations at `taps`, (B, C, H, W) or (B, C) float32 each; runs only as far as the last of them."""
        return {tap: value.float() for tap, value in self.own_activations(image, taps).items()}

    def own_activations(self, image: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The same in the precision it computes in: the very tensors that later taps came from, as gradients between taps need them."""
        return self.module.activations(self.preprocess.encode(image).to(self.dtype), taps)

    def logits(self, image: Tensor) -> Tensor:
        """Activations at the output tap, (B, classes)."""
        return self.activations(image, [self.card.output_tap])[self.card.output_tap]


class Generator(nn.Module):
    """A prior's generator: code (B, D) -> image (B, 3, H, W) RGB, nominally in [0, 1], not clipped."""

    def __init__(self, card: ModelCard, module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        assert card.code is not None
        self.card = card
        self.dtype = _own_precision(module) or dtype
        self.module = module.to(self.dtype)
        self.preprocess = Preprocess(card.preprocessing)
        self.register_buffer("code_mean", torch.tensor(card.code.mean), persistent=False)  # (D,)
        self.register_buffer("code_std", torch.tensor(card.code.std), persistent=False)  # (D,)
        self.code_mean: Tensor
        self.code_std: Tensor
        self.requires_grad_(False)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def code_size(self) -> int:
        """The number of code units, D."""
        return len(self.code_mean)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels of the images it draws."""
        return self.card.preprocessing.size

    def forward(self, code: Tensor) -> Tensor:
        """Draw codes (B, D) float32 as images (B, 3, H, W) float32."""
        return self.preprocess.decode(self.module(code.to(self.dtype)).float())


def _own_precision(module: nn.Module) -> torch.dtype | None:
    """The precision that a module insists on, having constants that cannot be turned into another; None: it takes any."""
    return getattr(module, "dtype", None)
