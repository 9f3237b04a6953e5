"""The same classes of networks of three architectures, without a prior: which shows its classes best (Pan et al. 2017, fig. 2)?"""

from dgnam_models.lab.paper.figures.architectures import compare
from dgnam_models.lab.paper.study import Figure, Study, classes

METHOD = "pyramid"


def draw(study: Study) -> Figure:
    """A row for each network; numbers: how often each of the networks names the pictures drawn for each."""
    title = f"Networks of three architectures, by the method {METHOD}, without a prior"
    return compare(study, lambda network, names: study.draw_pixels(classes(network, names), network.name, METHOD), title)
