"""`dgnam diversify`."""

from __future__ import annotations

from .._client import Client
from .._errors import InvalidRequestError
from .._likeness import unlike
from .._target import parse_target
from . import synth
from .parser import Arguments
from .plan import Aim, plan


def run(client: Client, arguments: Arguments) -> int:
    """Draw several pictures of one target, each made different from those before it."""
    if arguments.pictures < 2:
        raise InvalidRequestError(f"--pictures: {arguments.pictures} is less than 2, and one picture differs from none")
    target, first = parse_target(arguments.target), arguments.seed or 0
    model = client.model(target[0].unit.model, timeout=arguments.timeout)
    arguments.balance = "gradient-norm"
    output = synth.opened(client, arguments, (target,), several=True)
    output.whole = True
    for number in range(arguments.pictures):
        arguments.seed = first + number
        before = [one.result.png for one in output.kept]
        asked = unlike(model, target, before, tap=arguments.tap, gram=not arguments.features, diversity=arguments.diversity)
        wishes = plan(client, arguments, [Aim(asked, f"{arguments.target} different")])
        if synth.drawn(client, wishes, output) or len(output.kept) == number:
            break
    return synth.closed(output, arguments.pictures)
