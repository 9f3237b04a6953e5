"""Measure how well pictures explain units, to a network that took no part; and make the same test for people.

    dgnam-models interpretability --data photographs/ --target efficientnet-lite0 --observer efficientnet-lite2
    dgnam-models interpretability --data photographs/ --target alexnet64 --tap conv5 --method lucid --units 50
    dgnam-models interpretability --data photographs/ --target alexnet64 --units 10 --page-trials 60

The machine interpretability score (Zimmermann et al. 2024): nine references that excite a unit, nine that it dislikes, and two query
photographs. The observer compares the queries with the references; it is right if it finds the query that excites the unit. The score
is the share of trials in which it is; chance is 0.5. References are drawn here, or are the strongest and weakest photographs; the report
has both and their difference, with the same queries. The folder OUT gets interpretability.json, and trials.html: the same trials for
people, in one file that writes their answers as CSV (Borowski et al. 2021).
"""

import argparse
from dataclasses import fields
from pathlib import Path

from dgnam_models.commands import arguments


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    arguments.photographs(parser, "photographs of any things: queries and exemplars")
    add("--target", default="alexnet64", metavar="NAME", help="the classifier whose units are explained (default: %(default)s)")
    add("--tap", metavar="TAP", help="the units' tap (default: the output tap)")
    add("--observer", default="efficientnet-lite2", metavar="NAME", help="a classifier that took no part (default: %(default)s)")
    add("--units", type=int, default=100, metavar="N", help="how many units, evenly spread (default: %(default)s)")
    add("--trials", type=int, default=20, metavar="N", help="trials of each; they take 20 photographs each (default: %(default)s)")
    add("--prior", metavar="NAME", help="the prior to draw with (default: the server's for the target)")
    add("--method", help="how to draw, with a prior or in pixels (default: the server's default)")
    add("--steps", type=int, metavar="N", help="steps of a picture (default: the method's)")
    add("--page-trials", type=int, default=40, metavar="N", help="questions of the page for people; 0: no page (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="other pictures, other trials (default: %(default)s)")
    arguments.packs(parser)
    add("--server", metavar="ADDRESS", help="ask this server, which must have the same models (default: start one here)")
    arguments.device(parser)
    add("--out", type=Path, default=Path("out/interpretability"), metavar="FOLDER", help="where the results go (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    arguments.need_client("interpretability")
    from dgnam_models.lab.interpretability.interpretability import interpretability
    from dgnam_models.lab.interpretability.settings import Settings

    options.photographs = options.data
    asked = {field.name: getattr(options, field.name) for field in fields(Settings)}
    found = interpretability(Settings(**asked | {"device": str(arguments.chosen_device(options))}))
    error = found["standard_error"]
    print(f"{found['target']}, {found['units']} units, {found['trials']} trials each, seen by {found['observer']}; chance is 0.5")
    for way, score in found["score"].items():
        print(f"{way:12}{score:.3f}  (standard error {error[way]:.3f})")
    print(f"{'difference':12}{found['difference']:+.3f}  (standard error {error['difference']:.3f})")
    print(f"All figures are in {options.out / 'interpretability.json'}.")
    if options.page_trials:
        print(f"Open {options.out / 'trials.html'} in a browser to take the test yourself.")
    return 0
