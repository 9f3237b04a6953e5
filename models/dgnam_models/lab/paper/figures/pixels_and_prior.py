"""Every pixel method and the prior on the same classes: whose pictures are recognized, and at what price (S17)?"""

from dgnam_models import patches
from dgnam_models.lab.paper.figures.regularizers import Way, contest
from dgnam_models.lab.paper.study import PRIOR, TARGET, Figure, Study

NEEDS_PATCHES = "patch-prior"


def draw(study: Study) -> Figure:
    """A row for the prior and one for each pixel method that the server has; see `regularizers.contest` for the numbers."""
    methods = [method.name for method in study.client.methods() if method.pixels]
    if not any((pack / patches.FILE).is_file() for pack in study.packs):
        methods.remove(NEEDS_PATCHES)
    ways: dict[str, Way] = {PRIOR: lambda targets: study.draw(targets, PRIOR)}
    for method in methods:
        ways[method] = _pixels(study, method)
    return contest(study, ways, f"{TARGET}: the same classes with a prior and by every pixel method")


def _pixels(study: Study, method: str) -> Way:
    return lambda targets: study.draw_pixels(targets, method, method)
