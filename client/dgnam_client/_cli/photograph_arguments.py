"""The arguments of the commands that begin with photographs, and what they share with `synth`. Loads nothing but argparse."""

from __future__ import annotations

import argparse
from typing import Any

from . import waiting


def invert(invert: argparse.ArgumentParser) -> None:
    invert.add_argument("photo", metavar="PHOTO", help="a picture file")
    invert.add_argument("places", nargs="+", metavar="PLACE", help="model:tap, model:tap:17, or model")
    invert.add_argument("--random", action="store_true", help="deal out the activation among the tap's maps at random, by the seed")
    invert.add_argument("--feed-forward", action="store_true", help="beside it, what a prior draws of the photograph's code")
    matching(invert)
    invert.add_argument("--start", metavar="START", help="noise (the default), mean (plain grey), prior, or a picture file")


def restyle(restyle: argparse.ArgumentParser) -> None:
    restyle.add_argument("photo", metavar="PHOTO", help="what is to be seen: a picture file")
    restyle.add_argument("--style", required=True, metavar="PICTURE", help="how it is to look")
    restyle.add_argument("--network", required=True, metavar="NAME", help="whose feature maps")
    restyle.add_argument("--gram", action="store_true", help="match Gram matrices (Gatys et al. 2016) in place of the maps' means")
    restyle.add_argument("--content-tap", metavar="TAP", help="where the photograph is matched (default: see the how-to page)")
    restyle.add_argument("--style-taps", nargs="+", metavar="TAP", help="where the style is")
    restyle.add_argument("--content-weight", type=float, default=10.0, metavar="W", help="default: %(default)g")
    restyle.add_argument("--style-weight", type=float, default=1.0, metavar="W", help="default: %(default)g")
    matching(restyle)
    restyle.add_argument("--start", metavar="FILE", help="start from this picture (default: noise)")


def accentuate(accentuate: argparse.ArgumentParser) -> None:
    accentuate.add_argument("photo", metavar="PHOTO", help="a picture file")
    accentuate.add_argument("targets", nargs="+", metavar="TARGET", help="model:tap:unit, or several joined by +")
    accentuate.add_argument("--tap", metavar="TAP", help="where it stays near the photograph (default: the middle tap before the unit)")
    accentuate.add_argument("--nearness", type=float, default=1.0, metavar="W", help="how near: its pull, the unit's being 1 (default: 1)")
    matching(accentuate)


def metamer(metamer: argparse.ArgumentParser) -> None:
    metamer.add_argument("photo", metavar="PHOTO", help="a picture file")
    metamer.add_argument("place", metavar="PLACE", help="model:tap, where the picture is to be the same")
    metamer.add_argument("--unlike", metavar="PLACE", help="model:tap, where it is to be as different as possible")
    metamer.add_argument(
        "--unlikeness", type=float, default=0.1, metavar="V", help="how different: its pull, the likeness's being 1 (default: %(default)g)"
    )
    metamer.add_argument("--one-way", action="store_true", help="not the other way round too")
    matching(metamer)
    metamer.add_argument("--start", metavar="FILE", help="start from this picture (default: noise)")


def vital(vital: argparse.ArgumentParser) -> None:
    vital.add_argument("target", metavar="UNIT", help="model:tap:unit")
    vital.add_argument("photos", nargs="+", metavar="PHOTO", help="picture files, or folders of them")
    vital.add_argument("--taps", nargs="+", metavar="TAP", help="where distributions are matched (default: five before the unit)")
    matching(vital)
    vital.add_argument("--start", metavar="FILE", help="start from this picture (default: noise)")


def inpaint(inpaint: argparse.ArgumentParser) -> None:
    inpaint.add_argument("photo", metavar="PHOTO", help="a picture file")
    inpaint.add_argument("targets", nargs="+", metavar="TARGET", help="model:tap:unit, or several joined by +")
    inpaint.add_argument("--hole", metavar="TOP,LEFT,BOTTOM,RIGHT", help="the hole's edges, in the photograph's pixels")
    inpaint.add_argument("--mask", metavar="FILE", help="a picture of the photograph's size, white where the hole is")
    matching(inpaint)
    inpaint.add_argument("--start", metavar="START", help="noise, or a picture file (default: the photograph, its hole filled plain)")


def diversify(diversify: argparse.ArgumentParser) -> None:
    diversify.add_argument("target", metavar="TARGET", help="model:tap:unit, or several joined by +")
    diversify.add_argument("--pictures", type=int, default=4, metavar="N", help="how many (default: %(default)s)")
    diversify.add_argument("--tap", metavar="TAP", help="where they are to differ (default: the middle tap before the unit)")
    diversify.add_argument("--features", action="store_true", help="compare the tap's activations in place of its Gram matrices")
    diversify.add_argument(
        "--diversity", type=float, default=0.5, metavar="D", help="how different: its pull, the target's being 1 (default: %(default)g)"
    )
    keeping(diversify)
    diversify.set_defaults(variants=None, rank=None, judge=None, sweep=[], skip_existing=False, table=None, columns=None)


def facets(facets: argparse.ArgumentParser) -> None:
    facets.add_argument("target", metavar="UNIT", help="model:tap:unit")
    facets.add_argument("photos", nargs="+", metavar="PHOTO", help="picture files, or folders of them; hundreds, of any things")
    facets.add_argument("--groups", type=int, default=4, metavar="N", help="how many (default: %(default)s)")
    facets.add_argument("--strongest", type=int, default=50, metavar="N", help="so many photographs are grouped (default: %(default)s)")
    facets.add_argument("--tap", metavar="TAP", help="by what they are grouped (default: the last tap before the unit)")
    matching(facets)


def alpha(command: argparse.ArgumentParser) -> None:
    command.add_argument("--alpha", action="store_true", help="make transparent where the target did not look; of methods on pixels")


def matching(command: argparse.ArgumentParser) -> None:
    """What the commands that take pictures share with `synth`."""
    keeping(command)
    sets(command.add_argument_group("sets of pictures"))


def keeping(command: argparse.ArgumentParser) -> None:
    """How they draw, and where pictures go."""
    command.add_argument("-o", "--output", metavar="PATH", help="the picture's file (.png, .npy, .jpg, .webp), or a folder for several")
    command.add_argument("--grid", metavar="FILE", help="also write all pictures, with names and activations, on one sheet")
    command.add_argument("--no-recipe", action="store_true", help="write no .json beside a picture")
    command.add_argument("--quiet", action="store_true", help="no progress bars")
    command.add_argument("--method", metavar="NAME", help="the procedure (default: the command's own)")
    command.add_argument("--prior", metavar="NAME", help="draw with this trained generator")
    command.add_argument("--size", type=int, metavar="PX", help="side of the picture (default: the network's input)")
    command.add_argument("--seed", type=int, metavar="N", help="another seed, another picture")
    alpha(command)
    waiting.add(command)
    command.set_defaults(code=False, history=False, crop_to_field=False, start=None, exemplars=None)


def sets(sets: Any) -> None:
    sets.add_argument("--variants", type=int, metavar="N", help="so many pictures of each target, from seeds in a row")
    sets.add_argument("--rank", type=int, metavar="N", help="draw each target from so many seeds in a row, and keep the best")
    sets.add_argument("--judge", metavar="MODEL", help="what this network calls the pictures; with --rank, also keep the best by it")
    sets.add_argument(
        "--sweep", action="append", default=[], metavar="OPTION=A,B,C", help="draw with each value; repeated, with every combination"
    )
    sets.add_argument("--skip-existing", action="store_true", help="draw only what is not there yet, as after Ctrl-C")
    sets.add_argument("--table", metavar="FILE", help="also write a table with a row for each picture: .csv or .parquet")
    sets.add_argument("--columns", type=int, metavar="N", help="so many pictures in a row of the sheet")
