"""Download published networks from their publishers, to import them later.

    dgnam-models fetch caffenet upconv-fc6
    dgnam-models import caffe --fetch caffenet --into mine

A stopped download goes on where it ended, and what is there already is not fetched again. Mind the publishers' terms: the upconv
generators are for research only.
"""

import argparse
from pathlib import Path

from dgnam_models import fetch
from dgnam_models.importers import published


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"of {', '.join(published.PUBLISHED)}")
    limits(parser)
    parser.set_defaults(run=run)


def limits(parser: argparse.ArgumentParser) -> None:
    """Declare where downloads go and how large they may be."""
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where downloads are kept (default: DGNAM_CACHE, or the user's cache)")
    parser.add_argument("--most-mb", type=float, metavar="MB", help="the largest file to download (default: a little more than it has)")


def run(options: argparse.Namespace) -> int:
    for name in options.names:
        entry = published.get(name, options.cache or fetch.cache(), options.most_mb, fetch.to_stderr)
        for path in filter(None, (entry.prototxt, entry.weights, entry.bounds)):
            print(f"{name}: {path}")
    return 0
