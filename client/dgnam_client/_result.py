"""A finished picture, with what led to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ._alpha import levels, with_alpha
from ._file import write_files
from ._history import history_file
from ._picture import Picture, npy
from ._recipe import Percentile, Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._receptive_field import Box

Ending = Literal["steps-done", "zero-gradient", "no-gradient", "unknown"]


@dataclass(frozen=True)
class StartRank:
    """The one of many drawn codes that a picture started from.

    Attributes:
        rank: Its place among the draws, from 1, the one that the target likes best.
        draws: How many were drawn: the options `start_draws` and `start_redraws`.
        activation: The weighted sum of the terms' activations for the start's picture.
        percentile: Of how many of the first draws, `start_draws`, in percent, the finished picture's activation is above that of
            their pictures.
    """

    rank: int
    draws: int
    activation: float
    percentile: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result(Picture):
    """A finished picture. A notebook shows it by itself.

    What the request's `include` left out raises AttributeError.

    Attributes:
        variant: Which of the request's pictures; its seed is the request's plus this.
        activation: The weighted sum of the terms' activations for this picture; `readout` says what an activation is.
        term_activations: One activation per term, unweighted; `readouts` says what each is.
        readouts: What was read off each term: "activation", "probability", "log-probability", "direction" or "features".
        ending: "steps-done"; "zero-gradient" where the gradient vanished on the way, so that no further step could change anything; or
            "no-gradient" where the target had none at any step, so that the picture says nothing of it.
        gradient_steps: Steps at which the target had a gradient; None where the server does not say it.
        silent_terms: Of several terms, those that had no gradient, by their place in the target: the picture says nothing of them.
        recipe: All it takes to draw the picture again.
        start: The draw that it started from; None where `start_draws` was 0.
    """

    variant: int
    activation: float
    term_activations: tuple[float, ...]
    readouts: tuple[str, ...]
    ending: Ending
    gradient_steps: int | None = None
    silent_terms: tuple[int, ...] = ()
    recipe: Recipe
    start: StartRank | None = None

    @property
    def readout(self) -> str:
        """What `activation` is: what was read off the terms, or "weighted sum" where that differs."""
        kinds = set(self.readouts) or {"activation"}
        return kinds.pop() if len(kinds) == 1 else "weighted sum"

    @property
    def percentiles(self) -> tuple[Percentile, ...]:
        """How the terms' activations compare with photographs', where the server has an index of these."""
        return self.recipe.percentiles

    @property
    def remark(self) -> str:
        """What to know of how the picture came about, in a few words; empty where everything went as usual."""
        if self.ending == "no-gradient":
            return "no gradient: the picture says nothing of the target"
        if self.silent_terms:
            silent = [str(self.recipe.terms[place].unit) for place in self.silent_terms]
            return f"no gradient from {' and '.join(silent)}: the picture says nothing of {'it' if len(silent) == 1 else 'them'}"
        if self.ending == "zero-gradient":
            return f"the gradient became zero after {self.steps} steps"
        if self.gradient_steps is not None and 2 * self.gradient_steps < self.steps:
            return f"the target had a gradient at {self.gradient_steps} of {self.steps} steps"
        return ""

    @property
    def code(self) -> NDArray[np.float32]:
        """The code this picture was drawn from, float32 of shape (code size,); `Client.draw` draws it again.

        Of `synthesize_pixels`, the method's own form of the picture as a vector.
        """
        code: NDArray[np.float32] = self._part("code")
        return code

    @property
    def alpha(self) -> NDArray[np.float32]:
        """Where the picture matters: the magnitude of the target's gradient at each pixel, summed over the steps, as a share of the
        largest, float32 of shape (H, W), in 256 levels (Fel et al. 2023). Only of `synthesize_pixels`."""
        return levels(self._part("alpha"))

    @property
    def history(self) -> NDArray[np.float32]:
        """The terms' activations at each step, float32 of shape (steps, terms)."""
        history: NDArray[np.float32] = self._part("history")
        return history

    @property
    def steps(self) -> int:
        """Steps done; those asked for, where the history was left out."""
        return len(self.history) if "history" in self.sent else int(self.recipe.options.get("steps", 0))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        recipe: bool = True,
        code: bool = False,
        history: bool = False,
        alpha: bool = False,
        box: Box | None = None,
    ) -> Path:
        """Write the picture, and its recipe beside it.

        All files are written or none, and what is there is replaced, whole or not at all.

        Args:
            path: Its suffix chooses the format: `.png` (the server's file, unchanged), `.npy` (the array), or another one
                that Pillow can write.
            recipe: Also write the recipe, to the same name with the suffix `.json`.
            code: Also write the code, to the same name with the suffix `.code.npy`.
            history: Also write the terms' activations at each step, to the same name with the suffix `.history.csv`.
            alpha: Write the picture with its alpha as opacity, full from the 80th percentile on; of `synthesize_pixels`, to a `.png` or
                `.webp` file.
            box: Write only this part of the picture, such as what a hidden unit sees: see `ReceptiveField`.

        Returns:
            The picture's path.

        Raises:
            ValueError: Pillow has no such format, or it has no transparency; or the picture has no alpha.
            OSError: A file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            raise ValueError(f"{path} is a recipe's name: end the picture's name in .png, .npy or another picture format")
        files: dict[Path, bytes] = {}
        if recipe:
            files[path.with_suffix(".json")] = self.recipe.to_json().encode()
        if code:
            files[path.with_suffix(".code.npy")] = npy(self.code)
        if history:
            files[path.with_suffix(".history.csv")] = history_file(self.recipe, self.history)
        # The picture comes last: where it is, the rest is too.
        files[path] = self._opaque(path, box) if alpha else self._encoded(path.suffix.lower(), box)
        write_files(files)
        return path

    def _opaque(self, path: Path, box: Box | None) -> bytes:
        if "alpha" not in self.sent:
            raise ValueError(f"{path}: the picture has no alpha; only methods on pixels give one")
        return with_alpha(self.image, self.alpha, path.suffix.lower(), box)

    def __repr__(self) -> str:
        return (
            f"<Result {self.recipe.target} seed={self.recipe.seed}: {self._pixels()}, "
            f"{self.readout} {self.activation:.4g} after {self.steps} steps{self.remark and ', '}{self.remark}>"
        )
