"""When to give a training run up: its numbers are not finite, or critic and generator have lost touch."""

import math

from dgnam_models.errors import TrainingError

KEPT = 0.98  # of the moving averages, at each step


class Watch:
    """Moving averages of the critic's logits of photographs and of drawn pictures.

    In a fair game they stay within a few units of each other. When the critic tells every picture, they drift apart without bound, and
    what the generator learns from it is noise.

    Args:
        gap: how far apart they may be.
    """

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self.real = self.drawn = 0.0

    def see(self, step: int, losses: dict[str, float], real: float, drawn: float) -> None:
        """Take in a step's losses and mean logits.

        Raises:
            TrainingError: one of them is not finite, or the averages are too far apart.
        """
        numbers = {**losses, "logit of photographs": real, "logit of drawn pictures": drawn}
        if broken := [name for name, value in numbers.items() if not math.isfinite(value)]:
            raise TrainingError(f"step {step}: not finite: {', '.join(broken)}. {_WHAT_NOW}")
        self.real, self.drawn = KEPT * self.real + (1 - KEPT) * real, KEPT * self.drawn + (1 - KEPT) * drawn
        if abs(self.real - self.drawn) > self._gap:
            raise TrainingError(
                f"step {step}: the training has collapsed. The critic's logits are {self.real:.1f} for photographs and {self.drawn:.1f} "
                f"for drawn pictures, more than collapse_gap = {self._gap:g} apart. {_WHAT_NOW}"
            )


_WHAT_NOW = (
    "The last checkpoint is kept: export it with --export-only, or begin a new run from it with --start-from and a smaller learning_rate"
)
