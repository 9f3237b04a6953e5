"""Run: where and how a recipe is run, with what it finds there: photographs and models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import dgnam_models
from dgnam_models import photographs
from dgnam_models.errors import DataError, RecipeError
from dgnam_models.lab.train import alterations
from dgnam_models.lab.train.config import LICENCE, Recipe
from dgnam_models.network import Generator, Network
from dgnam_models.photographs import Photographs


@dataclass(frozen=True)
class Run:
    """Where and how a recipe is run."""

    folder: Path
    sources: Sequence[Path]
    held_out: Sequence[Path] = ()  # empty: one image in twenty is held out
    start_from: Path | None = None  # another run's folder, or a file of importers/projected.py: weights that are the start where they fit
    minutes: float | None = None  # after which this sitting ends
    packs: Sequence[Path] = ()  # where a generator's encoder is looked up, besides the bundled models
    device: torch.device = torch.device("cpu")
    compiled: bool = False
    limit: int | None = None  # of images, for trials
    export_only: bool = False
    snapshots: bool = False  # export at every checkpoint too, as a model NAME-STEP in the same pack
    licence: str = LICENCE
    progress: bool = True
    pack: Path | None = None  # where the model is exported to; None: pack/ in the folder

    def photographs(self, recipe: Recipe) -> tuple[Photographs, Photographs]:
        """What `recipe` learns from, and what is held out.

        Raises:
            DataError: photographs cannot be read, or have other classes held out than to train on.
        """
        training = photographs.read(self.sources, recipe.image_size, self.limit, self.progress)
        if not self.held_out:
            training, held_out = training.split(every=20)
        else:
            held_out = photographs.read(self.held_out, recipe.image_size, self.limit, self.progress)
            if held_out.names != training.names and self.limit is None:
                classes = f"{len(held_out.names)} classes, not the {len(training.names)} of training"
                raise DataError(f"the held-out photographs have {classes}")
        return alterations.prepared(recipe, training), alterations.prepared(recipe, held_out)

    def model(self, name: str, field: str) -> Network | Generator:
        """The model that a recipe's `field` names.

        Raises:
            RecipeError: there is none.
        """
        try:
            return dgnam_models.load(name, self.device, self.packs)
        except KeyError as error:
            raise RecipeError(f"{field}: {error.args[0]}") from error

    def encoder(self, name: str, taps: set[str], image_size: int) -> Network:
        """The classifier `name`, which must have `taps` and see no more than pictures of `image_size` show.

        Raises:
            RecipeError: it is not there, or does not fit.
        """
        encoder = self.model(name, "encoder")
        if not isinstance(encoder, Network):
            raise RecipeError(f"encoder {encoder.name} is not a classifier")
        known = [tap.name for tap in encoder.card.taps]
        if image_size < max(encoder.input_size):
            raise RecipeError(
                f"{encoder.name} takes {encoder.input_size[0]}x{encoder.input_size[1]} pixels; image_size is {image_size}, "
                "and a generator must draw at least what its encoder sees"
            )
        if missing := taps - set(known):
            raise RecipeError(f"{encoder.name} has no tap {', '.join(sorted(missing))}; it has {', '.join(known)}")
        return encoder
