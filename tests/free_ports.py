"""Ports for servers that must be told theirs before they are there."""

import random
import socket

_CHOICE = random.SystemRandom()  # workers of one run begin with the same seed


def free_port() -> int:
    """A port that nobody listens on.

    It is none of those that the system gives whoever asks for any, or calls somebody: one of these could be another's by the time it is
    used.
    """
    while True:
        port = _CHOICE.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
