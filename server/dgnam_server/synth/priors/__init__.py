"""Priors: what is optimized, and how it becomes a picture. A new parametrisation is a file here and a line in the table."""

from dgnam_server.synth.priors.fourier import FourierPrior
from dgnam_server.synth.priors.generator import GeneratorPrior
from dgnam_server.synth.priors.phase import PhasePrior
from dgnam_server.synth.priors.pixels import PixelPrior
from dgnam_server.synth.priors.prior import Parametrisation, Prior

GENERATOR = "generator"  # the prior of methods that draw with a trained generator, which a request names
PARAMETRISATIONS: dict[str, type[Parametrisation]] = {"pixels": PixelPrior, "fourier": FourierPrior, "phase": PhasePrior}

__all__ = [
    "GENERATOR",
    "PARAMETRISATIONS",
    "FourierPrior",
    "GeneratorPrior",
    "Parametrisation",
    "PhasePrior",
    "PixelPrior",
    "Prior",
]
