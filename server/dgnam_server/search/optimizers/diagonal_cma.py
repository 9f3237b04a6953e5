"""CMA-ES with a covariance matrix that is diagonal."""

from dgnam_server.search.optimizers.optimizer import Entry, population
from dgnam_server.search.optimizers.pycma import CITATION, SIGMA, PyCma

ENTRY = Entry(
    name="diagonal-cma",
    description="CMA-ES with a diagonal covariance: it learns faster and takes less memory, and sees no axes but the code's own.",
    citation=f"Ros and Hansen 2008; {CITATION}",
    options=(population(40), SIGMA),
    make=lambda origin, settings: PyCma(origin, int(settings["population"]), settings["sigma"], CMA_diagonal=True),
    bytes=lambda dimensions, population: 8 * dimensions * 8 * population,
)
