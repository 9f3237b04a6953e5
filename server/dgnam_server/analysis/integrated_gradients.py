"""Integrated gradients (Sundararajan et al. 2017): shares of an activation that add up to all of it."""

from torch import Tensor

from dgnam_server.analysis.attribution import Attribution, Look, Seen, Settings
from dgnam_server.synth.options import Option


def looks(settings: Settings) -> tuple[Look, ...]:
    """The picture, which decides what activation is meant, then the middle of each of n pieces of the line from the grey one to it."""
    n = int(settings["steps"])
    return (Look(weight=0.0), *(Look((k + 0.5) / n, 1 / n) for k in range(n)))


def finish(seen: Seen) -> Tensor:
    """`(x - x_0) 1/n sum_k dS(x_0 + (k - 1/2)/n (x - x_0)) / dx` (eq. 3, by the midpoint rule).

    The sum over all pixels goes to S(x) - S(x_0) as n grows (completeness, proposition 1).
    """
    return (seen.image - seen.settings["baseline"]) * seen.signal


INTEGRATED_GRADIENTS = Attribution(
    "integrated-gradients",
    "The gradient times the input, averaged over the way from a grey picture; adds up to what the activation gained on it",
    "Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks, arXiv 1703.01365",
    drawn="evidence",
    options=(
        Option("steps", "Pictures on the way.", 1, 2000, 50, integer=True),
        Option("baseline", "The grey that the way begins at; 0: black, 1: white.", 0.0, 1.0, 0.0),
    ),
    looks=looks,
    finish=finish,
)
