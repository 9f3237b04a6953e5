"""The commands and their fixed arguments. Loads nothing but argparse, so that `--help` answers at once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, get_args

from .. import __version__
from .._address import DEFAULT_SERVER
from .._options import Balance, Determinism, Fit, Readout
from .._search_options import Axes
from . import examples, photograph_arguments, waiting

Arguments = argparse.Namespace
DRAWING = (
    "synth",
    "invert",
    "restyle",
    "accentuate",
    "metamer",
    "vital",
    "inpaint",
    "diversify",
    "facets",
)  # the commands that take a method's own options

DESCRIPTION = "Pictures of what a neuron prefers, drawn by a dgnam server."


@dataclass(frozen=True)
class Commands:
    """The parser of the whole command, and those of its commands by name."""

    parser: argparse.ArgumentParser
    subparsers: dict[str, argparse.ArgumentParser]

    def options(self, command: str) -> list[str]:
        """The fixed options of a command, such as --seed."""
        return [text for action in self.subparsers[command]._actions for text in action.option_strings]


def build() -> Commands:
    """The parser."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "dgnam", description=DESCRIPTION, epilog=examples.EXAMPLES.format(server=DEFAULT_SERVER), formatter_class=plain
    )
    parser.add_argument("--version", action="version", version=f"dgnam {__version__}")
    choices = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    connection = _connection()
    subparsers: dict[str, argparse.ArgumentParser] = {}

    def command(name: str, help: str, epilog: str = "", **settings: Any) -> argparse.ArgumentParser:
        settings |= {"help": help, "description": help, "epilog": epilog}
        subparsers[name] = choices.add_parser(name, parents=[connection], formatter_class=plain, allow_abbrev=False, **settings)
        return subparsers[name]

    # Its help is printed later: the part about a method's options comes from the server.
    _synth(command("synth", "Draw what units prefer.", examples.SYNTH_EXAMPLES, add_help=False))
    photograph_arguments.invert(command("invert", "Draw what layers, or single filters, keep of a photograph.", examples.INVERT_EXAMPLES))
    photograph_arguments.restyle(command("restyle", "Draw a photograph in the style of another picture.", examples.RESTYLE_EXAMPLES))
    photograph_arguments.accentuate(
        command("accentuate", "Draw a photograph with what a unit responds to in it made stronger.", examples.ACCENTUATE_EXAMPLES)
    )
    photograph_arguments.metamer(
        command("metamer", "Draw what one network cannot tell from a photograph, and another can.", examples.METAMER_EXAMPLES)
    )
    photograph_arguments.vital(command("vital", "Draw what a unit's exemplars have in common, map by map.", examples.VITAL_EXAMPLES))
    photograph_arguments.inpaint(command("inpaint", "Draw what units prefer in the hole of a photograph.", examples.INPAINT_EXAMPLES))
    photograph_arguments.diversify(
        command("diversify", "Draw several pictures of one unit, different on purpose.", examples.DIVERSIFY_EXAMPLES)
    )
    photograph_arguments.facets(
        command("facets", "Draw one picture of a unit for each group of its strongest photographs.", examples.FACETS_EXAMPLES)
    )
    _draw(command("draw", "Draw the pictures of codes; nothing is optimized.", examples.DRAW_EXAMPLES))
    _activations(command("activations", "Show which units a picture activates most.", examples.ACTIVATIONS_EXAMPLES))
    _search(command("search", "Find what a neuron of yours prefers, by its scores alone.", examples.SEARCH_EXAMPLES))
    _searches(command("searches", "List the searches that the server keeps, or tell about one; list optimizers."))
    _atlas(command("atlas", "Draw every unit of taps or networks, as a job that the server keeps.", examples.ATLAS_EXAMPLES))
    _jobs(command("jobs", "List the jobs that the server keeps; watch, pause, resume, cancel or delete one.", examples.JOBS_EXAMPLES))
    _look(command("look", "Show what in a photograph an activation comes from, or what covering parts of it does.", examples.LOOK_EXAMPLES))
    _exemplars(command("exemplars", "Show which photographs excite units most, and what in them does.", examples.EXEMPLARS_EXAMPLES))
    _filters(command("filters", "Show a network's first-layer filters: which dominate, which are dead.", examples.FILTERS_EXAMPLES))
    _catalog(command)
    _gallery(command("gallery", "Serve a web page to browse units and draw, until Ctrl-C.", examples.GALLERY_EXAMPLES))
    command("doctor", "Check the way from here to a picture, step by step.")
    completion = command("completion", "Print a script that completes `dgnam` in a shell.", 'example:\n  eval "$(dgnam completion bash)"\n')
    completion.add_argument("shell", choices=["bash", "zsh"])
    return Commands(parser, subparsers)


def _connection() -> argparse.ArgumentParser:
    connection = argparse.ArgumentParser(add_help=False)
    group = connection.add_argument_group("connection")
    group.add_argument(
        "--server", metavar="ADDRESS", help=f"host:port, or grpcs://host:port for TLS (default: $DGNAM_SERVER, or else {DEFAULT_SERVER})"
    )
    group.add_argument("--ca-file", metavar="PEM", help="certificates to trust in place of the system's")
    group.add_argument("--cert-file", metavar="PEM", help="this client's certificate, where the server asks for one")
    group.add_argument("--key-file", metavar="PEM", help="its key")
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="give up after so long, waiting in the server's queue not counted (default: 600 for pictures, 10 for lists)",
    )
    return connection


def _synth(synth: argparse.ArgumentParser) -> None:
    synth.add_argument(
        "targets", nargs="*", metavar="TARGET", help="model:tap:unit, several joined by +, a range model:tap:0-29, or @FILE of them"
    )
    synth.add_argument("-h", "--help", action="store_true", help="show this help; with --method, that method's options too")
    synth.add_argument("-o", "--output", metavar="PATH", help="the picture's file (.png, .npy, .jpg, .webp), or a folder for several")
    synth.add_argument("--grid", metavar="FILE", help="also write all pictures, with names and activations, on one sheet")
    synth.add_argument("--replay", metavar="RECIPE", help="draw the picture of a recipe file again")
    synth.add_argument("--no-recipe", action="store_true", help="write no .json beside a picture")
    synth.add_argument("--code", action="store_true", help="also write the code beside a picture, as .code.npy")
    synth.add_argument("--history", action="store_true", help="also write each step's activations beside a picture, as .history.csv")
    photograph_arguments.alpha(synth)
    synth.add_argument(
        "--crop-to-field", action="store_true", help="cut pictures of hidden units, at a position @y,x, to the pixels that the unit sees"
    )
    synth.add_argument(
        "--exemplars",
        nargs="?",
        const="",
        metavar="INDEX",
        help="also write, as .exemplars.png, each picture beside the photographs that excite its units most; INDEX is the name of one of "
        "the server's indices, see `dgnam models NAME` (default: the first)",
    )
    synth.add_argument("--quiet", action="store_true", help="no progress bars")
    photograph_arguments.sets(synth.add_argument_group("sets of pictures"))
    whole = synth.add_mutually_exclusive_group()
    whole.add_argument("--direction", metavar="FILE.npy", help="targets are taps, model:tap; go along these weights of its units")
    whole.add_argument("--features", metavar="PICTURE", help="targets are taps, model:tap; draw what the tap cannot tell from this picture")
    options = synth.add_argument_group("synthesis", "What is left out is the server's default: see `dgnam methods`.")
    options.add_argument("--method", metavar="NAME", help="the procedure")
    options.add_argument("--prior", metavar="NAME", help="the trained generator that draws")
    options.add_argument("--size", type=int, metavar="PX", help="side of the finished picture; what a prior draws is scaled")
    options.add_argument("--fit", choices=get_args(Fit), help="how a network gets to see the picture: all of it scaled, or its middle")
    options.add_argument("--seed", type=int, metavar="N", help="another seed, another picture")
    options.add_argument("--start", metavar="FILE", help="start from this picture, or this code (.npy)")
    options.add_argument("--determinism", choices=get_args(Determinism), help="strict: the same bits each time, more slowly")
    waiting.add(options)
    options.add_argument("--balance", choices=get_args(Balance), help="how several units are brought together")
    options.add_argument("--readout", choices=get_args(Readout), help="what is read off a unit")


def _draw(draw: argparse.ArgumentParser) -> None:
    draw.add_argument("codes", metavar="CODE.npy", help="a code file")
    draw.add_argument("-o", "--output", metavar="PATH", help="the picture's file (.png, .npy, .jpg, .webp), or a folder for several")
    draw.add_argument("--prior", metavar="NAME", help="the prior that draws (default: the server's)")
    waiting.add(draw)


def _activations(activations: argparse.ArgumentParser) -> None:
    activations.add_argument("picture", metavar="PICTURE", help="a picture file")
    activations.add_argument("places", nargs="+", metavar="PLACE", help="model, model:tap or model:tap:unit")
    activations.add_argument("--top", type=int, default=10, metavar="N", help="show so many of each place (default: %(default)s)")
    activations.add_argument("--json", action="store_true", help="print JSON")
    activations.add_argument("-o", "--output", metavar="FILE", help="also write all activations: .npy for one place, .npz for several")
    waiting.add(activations)


def _search(search: argparse.ArgumentParser) -> None:
    search.add_argument("name", nargs="?", metavar="NAME", help="the search's name on the server (default: a new one)")
    search.add_argument("-o", "--output", metavar="FOLDER", help="where pictures go (default: a folder of the search's name)")
    search.add_argument("--plot", metavar="FILE.png", help="draw the scores of each generation here, anew after each; needs Matplotlib")
    search.add_argument("--export", metavar="FILE.json", help="write all about the search when it is over")
    search.add_argument("--quiet", action="store_true", help="no line for each generation")
    neuron = search.add_argument_group("neuron", "One of them is needed.")
    neuron.add_argument("--score", metavar="COMMAND", help="picture paths in, scores out")
    neuron.add_argument("--score-timeout", type=float, metavar="SECONDS", help="how long it may take for a generation (default: forever)")
    neuron.add_argument("--unit", metavar="UNIT", help="a served unit, model:tap:unit, with @y,x in a convolutional tap")
    options = search.add_argument_group("search", "What is left out is the server's default.")
    options.add_argument("--prior", metavar="NAME", help="the trained generator that draws")
    options.add_argument("--size", type=int, metavar="PX", help="search the spectrum of pictures of this side instead, without a prior")
    options.add_argument("--axes", choices=get_args(Axes), help="along what codes are searched")
    options.add_argument("--optimizer", metavar="NAME", help="how to search")
    options.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the optimizer; may be repeated")
    options.add_argument("--seed", type=int, metavar="N", help="another seed, other pictures")
    options.add_argument("--start", metavar="WHERE", help="mean, draws, or a code file (.npy)")
    options.add_argument("--repeats", type=int, metavar="N", help="scores that a picture may have")
    options.add_argument("--references", nargs="+", default=[], metavar="PATH", help="pictures, or folders of them, to show in between")
    options.add_argument("--references-per-generation", type=int, metavar="N", help="how many of them each generation shows, in turn")
    options.add_argument("--max-pictures", type=int, metavar="N", help="stop after so many")
    options.add_argument("--patience", type=int, metavar="N", help="stop after so many generations without a better mean")
    options.add_argument("--stop-score", type=float, metavar="SCORE", help="stop once a picture has this score")
    waiting.add(options)


def _atlas(atlas: argparse.ArgumentParser) -> None:
    atlas.add_argument(
        "targets", nargs="+", metavar="TARGET", help="model, model:tap, model:tap:unit, a range model:tap:0-29, or @FILE of them"
    )
    atlas.add_argument("--taps", nargs="+", default=[], metavar="TAP", help="of targets that are models, only these taps (default: all)")
    atlas.add_argument("--seeds", type=int, default=1, metavar="N", help="pictures of each unit and method (default: %(default)s)")
    atlas.add_argument("-o", "--output", metavar="FOLDER", help="where the atlas goes (default: atlas-MODEL)")
    atlas.add_argument("--title", metavar="TEXT", help="a line that names the job for people")
    atlas.add_argument("--detach", action="store_true", help="submit the job, print its id and leave")
    atlas.add_argument("--quiet", action="store_true", help="no progress bar")
    options = atlas.add_argument_group("synthesis", "What is left out is the server's default: see `dgnam methods`.")
    options.add_argument("--method", action="append", metavar="NAME", help="the procedure; may be given several times")
    options.add_argument("--prior", metavar="NAME", help="the trained generator that draws")
    options.add_argument("--size", type=int, metavar="PX", help="side of the finished pictures")
    options.add_argument("--fit", choices=get_args(Fit), help="how a network gets to see the picture: all of it scaled, or its middle")
    options.add_argument("--seed", type=int, metavar="N", help="the first of the seeds")
    options.add_argument("--determinism", choices=get_args(Determinism), help="strict: the same bits each time, more slowly")
    beside = atlas.add_argument_group("beside the pictures", "What excites each unit among photographs, of an index that the server has.")
    beside.add_argument(
        "--exemplars", type=int, nargs="?", const=9, metavar="N", help="each unit's N strongest photographs with projections (default: 9)"
    )
    beside.add_argument("--index", metavar="NAME", help="one of the server's indices, see `dgnam models NAME` (default: the first)")
    beside.add_argument(
        "--projections",
        metavar="METHOD",
        help="what projects the photographs (default: deconvnet with max pooling in the network, guided-backpropagation without)",
    )
    beside.add_argument("--no-projections", action="store_true", help="show the photographs alone")
    beside.add_argument(
        "--occlusion", type=int, nargs="?", const=1, metavar="N", help="an occlusion map of the N strongest photographs, too (default: 1)"
    )


def _jobs(jobs: argparse.ArgumentParser) -> None:
    jobs.add_argument("id", nargs="?", metavar="JOB", help="a job's id, or how it begins (default: list all)")
    what = jobs.add_mutually_exclusive_group()
    for name, help in (
        ("watch", "show how far it is until it is over"),
        ("pause", "have nothing more of it drawn for now"),
        ("resume", "go on with it, and try again what failed"),
        ("cancel", "give up what is not drawn"),
        ("delete", "forget it, and those of its pictures that no other job has"),
    ):
        what.add_argument(f"--{name}", action="store_true", help=help)
    what.add_argument("-o", "--output", metavar="FOLDER", help="write what is drawn of it as an atlas")
    jobs.add_argument("--json", action="store_true", help="print JSON")
    jobs.add_argument("--quiet", action="store_true", help="no progress bar")


def _searches(searches: argparse.ArgumentParser) -> None:
    searches.add_argument("name", nargs="?", metavar="NAME")
    searches.add_argument("--export", metavar="FILE.json", help="write all about it")
    searches.add_argument("--delete", action="store_true", help="have the server forget it; after --export, if both are given")
    searches.add_argument("--optimizers", action="store_true", help="list the optimizers with their options instead")
    searches.add_argument("--json", action="store_true", help="print JSON")


def _look(look: argparse.ArgumentParser) -> None:
    look.add_argument("picture", nargs="?", metavar="PICTURE", help="a picture file")
    look.add_argument("places", nargs="*", metavar="TARGET", help="model, model:tap or model:tap:unit")
    look.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="the picture's file (.png, .npy, .jpg, .webp; .npz for arrays), or a folder for several",
    )
    look.add_argument("--replay", metavar="RECIPE", help="do what a recipe file says again")
    look.add_argument("--no-recipe", action="store_true", help="write no .json beside a picture")
    look.add_argument("--quiet", action="store_true", help="no progress bars")
    look.add_argument("--determinism", choices=get_args(Determinism), help="strict: the same bits each time, more slowly")
    waiting.add(look)
    project = look.add_argument_group("projection", "A method's own options can be given as --NAME VALUE: see `dgnam methods NAME`.")
    project.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="the method, or all; may be given several times (default: deconvnet with max pooling, guided-backpropagation without)",
    )
    project.add_argument("--top", type=int, metavar="N", help="keep so many of a map's strongest activations (default: 1)")
    project.add_argument("--layer", metavar="TAP", help="of grad-cam: the tap whose maps are weighed (default: the last before the unit)")
    project.add_argument("--enlarge", action="store_true", help="also take a picture with fewer pixels than the unit sees")
    project.add_argument("--grid", metavar="FILE", help="also write the picture and all projections on one sheet")
    occlude = look.add_argument_group("occlusion")
    occlude.add_argument("--occlusion", action="store_true", help="slide a square over the picture, and show what the network makes of it")
    occlude.add_argument("--size", type=int, metavar="PX", help="the square's side in the network's pixels (default: 50 of 224)")
    occlude.add_argument("--stride", type=int, metavar="PX", help="from one place to the next (default: sixteen side by side)")
    occlude.add_argument("--colour", metavar="GREY|R,G,B", help="the square's colour, or what is beyond the edges, 0 to 1 (default: 0.5)")
    transform = look.add_argument_group("invariance", "With none of the three lists, fifteen of each.")
    transform.add_argument("--invariance", action="store_true", help="move, turn and scale the picture: how far do layers and class move?")
    transform.add_argument("--translations", type=float, nargs="+", metavar="PX", help="how far down, in the network's pixels")
    transform.add_argument("--rotations", type=float, nargs="+", metavar="DEGREES", help="how far counterclockwise")
    transform.add_argument("--scales", type=float, nargs="+", metavar="RATIO", help="how many times as large, from 0.25 to 4")


def _exemplars(exemplars: argparse.ArgumentParser) -> None:
    exemplars.add_argument("units", nargs="+", metavar="UNIT", help="model:tap:unit")
    exemplars.add_argument("-o", "--output", metavar="FILE", help="write a sheet: .png, .jpg or .webp")
    exemplars.add_argument("--count", type=int, metavar="N", help="how many photographs of each unit (default: 9)")
    exemplars.add_argument(
        "--index", metavar="NAME", help="the name of one of the server's indices, see `dgnam models NAME` (default: the first)"
    )
    exemplars.add_argument("--no-projections", action="store_true", help="show what the unit sees alone")
    exemplars.add_argument(
        "--method", metavar="NAME", help="the method of projection (default: deconvnet with max pooling, guided-backpropagation without)"
    )
    exemplars.add_argument("--layer", metavar="TAP", help="of grad-cam: the tap whose maps are weighed")
    exemplars.add_argument("--determinism", choices=get_args(Determinism), help="strict: the same bits each time, more slowly")
    exemplars.add_argument("--json", action="store_true", help="print JSON")
    exemplars.add_argument("--quiet", action="store_true", help="no progress bars")
    waiting.add(exemplars)


def _filters(filters: argparse.ArgumentParser) -> None:
    filters.add_argument("model", metavar="MODEL", help="the network")
    filters.add_argument("-o", "--output", metavar="FILE", help="write a sheet: .png, .jpg or .webp; or the numbers: .npy")
    filters.add_argument("--shared-scale", action="store_true", help="draw all filters on one scale, so that strong ones stand out")
    filters.add_argument("--json", action="store_true", help="print JSON")


def _gallery(gallery: argparse.ArgumentParser) -> None:
    gallery.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="listen here; elsewhere than on this machine it wants a token"
    )
    gallery.add_argument("--port", type=int, default=8080, metavar="N", help="0 for any free one (default: %(default)s)")
    gallery.add_argument("--folder", metavar="FOLDER", help="keep pictures here (default: dgnam/gallery in $XDG_STATE_HOME)")
    gallery.add_argument("--max-mib", type=int, default=2048, metavar="MIB", help="how much they may take (default: %(default)s)")
    gallery.add_argument("--web-token-file", metavar="FILE", help="the token that browsers must show (default: a new one each time)")
    gallery.add_argument("--until-stdin-ends", action="store_true", help=argparse.SUPPRESS)


def _catalog(command: Any) -> None:
    models = command("models", "List the server's models, or tell all about one.")
    models.add_argument("name", nargs="?", metavar="NAME")
    units = command("units", "List the units that can be targets.", "example:\n  dgnam units alexnet64:fc8 --filter lem\n")
    units.add_argument("place", metavar="MODEL[:TAP]", help="without a tap: the one whose units have labels")
    units.add_argument("--filter", metavar="TEXT", help="only labels that contain this")
    methods = command("methods", "List the methods, or tell all about one: its options with their ranges and defaults.")
    methods.add_argument("name", nargs="?", metavar="NAME")
    for listing in (models, units, methods):
        listing.add_argument("--json", action="store_true", help="print JSON")
