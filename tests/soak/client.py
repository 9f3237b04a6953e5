"""One client of a soak, a process of its own so that it can be killed: calls of all kinds, one after the other, until told to stop.

`python tests/soak/client.py ADDRESS JOURNAL SEED STOP`: it stops once there is a file STOP, after the call that it is in.
"""

import random
import sys
import time
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from calls import ENOUGH_S, KINDS, chosen, outcome
from dgnam_client import Client
from journal import Journal

_PAUSE_S = 0.5


def main(address: str, path: str, seed: str, stop: str) -> None:
    """Call until there is a file `stop`."""
    journal, chance, number = Journal(Path(path)), random.Random(seed), 0
    with Client(address, timeout=ENOUGH_S, synthesis_timeout=ENOUGH_S) as client:
        while not Path(stop).exists():
            kind = chosen(chance)
            journal.began(number, kind)
            code = outcome(partial(KINDS[kind].call, client, chance))
            journal.ended(number, code)
            number += 1
            if code == "UNAVAILABLE":  # nobody there: asking at once would only fill the journal
                time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
