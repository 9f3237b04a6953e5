"""A Caffe network: .prototxt and .caffemodel, of either generation.

    dgnam-models import caffe --fetch caffenet --into mine
    dgnam-models import caffe deploy.prototxt caffenet.caffemodel --name caffenet --mean 104 117 123 --labels synset_words.txt --into mine
    dgnam-models import caffe release.zip/fc6/generator.prototxt release.zip/fc6/generator.caffemodel --name upconv-fc6 \\
        --encoder caffenet --tap relu6 --bounds release.zip/act_range/3x/fc6.txt --mean 104 117 123 --into mine

Every blob becomes a tap. Where a layer writes over a blob, as a ReLU does, its own name is the tap of what it wrote: conv1 is read before
its ReLU, relu1 after it. With --encoder, --tap and --bounds the network is a generator and becomes a prior. Files may lie in a zip.
"""

import argparse
from pathlib import Path

from dgnam_models import fetch
from dgnam_models.commands.fetch import limits
from dgnam_models.commands.import_ import destination
from dgnam_models.errors import UsageError
from dgnam_models.importers import published


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("prototxt", type=Path, nargs="?", metavar="PROTOTXT", help="the network's layers; best the file for deployment")
    add("weights", type=Path, nargs="?", metavar="CAFFEMODEL", help="their weights")
    add("--fetch", metavar="NAME", help=f"download both, and use what is known of them: {', '.join(published.PUBLISHED)}")
    limits(parser)
    add("--mean", nargs="+", type=float, metavar="N", help="what to subtract from pixels of 0 to 255: one value, or blue, green, red")
    add("--mean-file", type=Path, metavar="FILE", help="the same as .binaryproto or .npy; its mean per channel is taken")
    add("--scale", type=float, metavar="N", help="what to multiply by after that (default: 1, or as the .prototxt says)")
    add("--rgb", action="store_true", help="the network takes red, green, blue, not Caffe's usual blue, green, red")
    add("--encoder", metavar="MODEL", help="of a generator: the network whose activations it draws from")
    add("--tap", help="of a generator: where in the encoder; relu6 for the code that the published fc6 generator takes")
    add("--bounds", type=Path, metavar="FILE", help="of a generator: a text with the upper bound of each code unit, 3 sigma")
    text = "of a generator: its default learning rate (default: 2/3 of the median bound)"
    add("--start-learning-rate", type=float, metavar="N", help=text)
    destination.declare(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dgnam_models.importers import caffe

    _fetched(options)
    mean = caffe.read_mean(options.mean_file) if options.mean_file else options.mean and tuple(options.mean)
    subtraction = caffe.Subtraction(mean, options.scale, options.rgb)
    files, name = (options.prototxt, options.weights), options.name or options.weights.stem
    given = (options.encoder, options.tap, options.bounds)
    if any(given) and not all(given):
        raise UsageError("a generator needs all three: --encoder, --tap and --bounds")
    if not any(given):
        card, weights = caffe.classifier(
            *files, name, subtraction=subtraction, labels=destination.labels(options), **destination.licence(options)
        )
    else:
        card, weights = caffe.generator(
            *files,
            name,
            subtraction=subtraction,
            encoder=options.encoder,
            tap=options.tap,
            bounds=options.bounds,
            start_learning_rate=options.start_learning_rate,
            **destination.licence(options),
        )
    return destination.add(options, card, weights)


def _fetched(options: argparse.Namespace) -> None:
    """With --fetch, the published files and what is known of them, wherever the command line does not say otherwise."""
    if options.fetch is None:
        if options.prototxt is None or options.weights is None:
            raise UsageError("give a .prototxt and a .caffemodel, or --fetch NAME")
        return
    if options.prototxt is not None:
        raise UsageError("give files or --fetch, not both")
    entry = published.get(options.fetch, options.cache or fetch.cache(), options.most_mb, fetch.to_stderr)
    options.prototxt, options.weights, options.name = Path(entry.prototxt), Path(entry.weights), options.name or options.fetch
    if options.mean is None and options.mean_file is None:
        options.mean = list(entry.mean)
    if entry.bounds is not None:
        options.encoder, options.tap = options.encoder or entry.encoder, options.tap or entry.tap
        options.bounds = options.bounds or Path(entry.bounds)
