"""CMA-ES with its whole covariance matrix."""

from dgnam_server.search.optimizers.optimizer import Entry, population
from dgnam_server.search.optimizers.pycma import CITATION, SIGMA, PyCma

ENTRY = Entry(
    name="cma",
    description="CMA-ES: draws from a normal distribution whose mean, step size and whole covariance follow the better half.",
    citation=CITATION,
    options=(population(40), SIGMA),
    make=lambda origin, settings: PyCma(origin, int(settings["population"]), settings["sigma"]),
    bytes=lambda dimensions, population: 8 * dimensions * (3 * dimensions + 8 * population),
    largest=6000,  # of 6,000 its matrices take 0.9 GB, and each of its updates seconds
)
