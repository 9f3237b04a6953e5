"""The kinds of training, a file each, named as a recipe's `kind`.

A task holds modules and optimizers and knows what a step does; loop.py owns the run. Each file has `assemble(recipe, run, training)`,
which looks up the models that the recipe names and returns the task. One that learns from anything but photographs in memory has
`photographs(recipe, run)` too, which returns what it learns from and what is held out.
"""

from importlib import import_module
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from dgnam_models.card import ModelCard
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.export import Export
from dgnam_models.lab.train.run import Run

Learned = TypeVar("Learned", contravariant=True)


class Task(Protocol[Learned]):
    """One kind of training; it learns from photographs as `Learned` holds them."""

    def step(self, training: Learned, step: int) -> dict[str, Tensor]:
        """Learn from a batch of photographs; return the figures to log, each of shape (), still on the device."""

    def evaluate(self, held_out: Learned) -> dict[str, float]:
        """Figures on held-out photographs."""

    def grid(self, held_out: Learned) -> Tensor:
        """Pictures worth looking at, (N, 3, S, S) in [0, 1]."""

    def export(self, training: Learned, held_out: Learned, to: Export) -> ModelCard:
        """Write the model as it is to be served; return its card."""

    def state(self) -> dict[str, Any]:
        """Everything that must survive a restart: nested dicts of tensors and numbers."""

    def fine_tune(self, module: nn.Module, training: Learned) -> None:
        """Take over a folded network's weights where they fit; normalization begins as what changes nothing for the first batch."""

    def start_from(self, state: dict[str, Any]) -> list[str]:
        """Take over the weights of another run's `state` where name and shape agree; return the names of the others."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""


def photographs(recipe: Recipe, run: Run) -> tuple[Any, Any]:
    """What the recipe's kind learns from, and what is held out.

    Raises:
        DataError: photographs cannot be read, or do not go together.
    """
    own = getattr(import_module(f"{__name__}.{recipe.kind}"), "photographs", None)
    found: tuple[Any, Any] = own(recipe, run) if own else run.photographs(recipe)
    return found


def assemble(recipe: Recipe, run: Run, training: Any) -> Task[Any]:
    """The task of the recipe's kind, its networks with the initial weights that the recipe's seed gives.

    Raises:
        RecipeError: a model that the recipe names is not there, or does not fit.
    """
    torch.manual_seed(recipe.seed)
    task: Task[Any] = import_module(f"{__name__}.{recipe.kind}").assemble(recipe, run, training)
    return task
