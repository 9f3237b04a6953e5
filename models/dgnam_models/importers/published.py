"""Where published Caffe networks and generators are to be had, and what one has to know to use them.

The addresses are their publishers' own; nothing is kept of the files here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dgnam_models.card import CardError
from dgnam_models.fetch import fetch

_BERKELEY = "http://dl.caffe.berkeleyvision.org"
_CAFFE = "https://raw.githubusercontent.com/BVLC/caffe/master/models"
_DEEPSIM = "https://lmb.informatik.uni-freiburg.de/resources/binaries/arxiv2016_alexnet_inversion_with_gans/release_deepsim_v0.zip"
_RANGES = "https://raw.githubusercontent.com/Evolving-AI-Lab/synthesizing/master/act_range/3x"


@dataclass(frozen=True)
class Published:
    """A network's files: addresses, or paths once they are fetched; a zip's member stands behind `#`."""

    prototxt: str
    weights: str
    most_mb: float
    mean: tuple[float, ...] = (104.0, 117.0, 123.0)  # blue, green, red: ImageNet's
    encoder: str | None = None  # of a generator, by its name here
    tap: str | None = None
    bounds: str | None = None


PUBLISHED: dict[str, Published] = {
    "caffenet": Published(
        f"{_CAFFE}/bvlc_reference_caffenet/deploy.prototxt", f"{_BERKELEY}/bvlc_reference_caffenet.caffemodel", most_mb=300
    ),
    "googlenet": Published(f"{_CAFFE}/bvlc_googlenet/deploy.prototxt", f"{_BERKELEY}/bvlc_googlenet.caffemodel", most_mb=100),
    "vgg19": Published(
        "https://gist.githubusercontent.com/ksimonyan/3785162f95cd2d5fee77/raw/VGG_ILSVRC_19_layers_deploy.prototxt",
        "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/VGG_ILSVRC_19_layers.caffemodel",
        most_mb=700,
        mean=(103.939, 116.779, 123.68),
    ),
    "upconv-fc6": Published(
        f"{_DEEPSIM}#release_deepsim_v0/fc6/generator.prototxt",
        f"{_DEEPSIM}#release_deepsim_v0/fc6/generator.caffemodel",
        most_mb=3000,
        encoder="caffenet",
        tap="relu6",
        bounds=f"{_RANGES}/fc6.txt",
    ),
    "upconv-fc7": Published(
        f"{_DEEPSIM}#release_deepsim_v0/fc7/generator.prototxt",
        f"{_DEEPSIM}#release_deepsim_v0/fc7/generator.caffemodel",
        most_mb=3000,
        encoder="caffenet",
        tap="relu7",
        bounds=f"{_RANGES}/fc7.txt",
    ),
}


def get(name: str, folder: Path, most_mb: float | None = None, tell: Callable[[str], object] = lambda _: None) -> Published:
    """Fetch the files of `name` into `folder`, those that are not there yet; returns the entry with paths for addresses.

    Args:
        most_mb: megabytes that each file may have; None: as the table says.

    Raises:
        CardError: there is no such entry, or a file cannot be had.
    """
    if name not in PUBLISHED:
        raise CardError(f"no address is known for {name!r}; there are {', '.join(PUBLISHED)}")
    entry = PUBLISHED[name]

    def here(address: str) -> str:
        url, _, member = address.partition("#")
        path = fetch(url, folder / name if not member else folder, most_mb or entry.most_mb, tell)
        return str(path / member) if member else str(path)

    bounds = None if entry.bounds is None else here(entry.bounds)
    return replace(entry, prototxt=here(entry.prototxt), weights=here(entry.weights), bounds=bounds)
