"""Draw the published results with our networks: a sheet of pictures each, and its numbers.

    dgnam-models paper priors pairs
    dgnam-models paper --data photographs/ --val held-out/ --scenes-val scenes/

Without FIGURE, all of them. Some show classifiers that must be trained first: give --data once, and --run-dir keeps them, and the
patches that the patch prior needs, which are cut from --data or else --val. Sheets are written as NAME.png, numbers as NAME.json.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from dgnam_models.commands import arguments
from dgnam_models.lab.paper import figures


def declare(parser: argparse.ArgumentParser) -> None:
    listing = "\n".join(f"  {name:23}{figures.about(name)}" for name in figures.names())
    parser.epilog = f"figures (sections are those of Nguyen et al. 2016, arXiv 1605.09304):\n{listing}"
    add = parser.add_argument
    add("figures", nargs="*", metavar="FIGURE", help="which of those below (default: all)")
    text = "photographs of the bundled classes to train on: folders of class folders, or zips"
    add("--data", nargs="+", type=Path, default=[], metavar="PATH", help=text)
    text = "photographs held out, to measure on (default: one in twenty of --data)"
    add("--val", nargs="+", type=Path, default=[], metavar="PATH", help=text)
    text = "photographs of the classes of alexnet64-scenes, to compare with"
    add("--scenes-val", nargs="+", type=Path, default=[], metavar="PATH", help=text)
    add("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs of further models, such as priors of other layers")
    text = "where trained classifiers are kept (default: %(default)s)"
    add("--run-dir", type=Path, default=Path("runs/paper"), metavar="FOLDER", help=text)
    add("--out", type=Path, default=Path("out/paper"), metavar="FOLDER", help="where sheets and numbers go (default: %(default)s)")
    text = "classes drawn for each row, evenly spread over the list (default: %(default)s)"
    add("--units", type=int, default=20, metavar="N", help=text)
    add("--pictures", type=int, default=3000, metavar="N", help="pictures that a search may show (default: %(default)s)")
    text = "marked pictures for zeiler_correspondence: see `dgnam-models correspondence --help` (default: drawn faces)"
    add("--parts", type=Path, metavar="FILE.json", help=text)
    add("--seed", type=int, default=0, metavar="N", help="another seed, other pictures (default: %(default)s)")
    arguments.device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    arguments.need_client("paper")
    from dgnam_models.lab.paper import paper
    from dgnam_models.lab.paper.settings import Settings

    asked = {field.name: getattr(options, field.name) for field in fields(Settings)}
    paper.draw(Settings(**asked | {"device": arguments.chosen_device(options)}))
    return 0
