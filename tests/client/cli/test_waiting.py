"""`--priority` and `--queue-timeout-s`, of every command that has the server work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client._cli import main, parser, search
from dgnam_proto.v1.synthesis_pb2 import PRIORITY_BATCH
from PIL import Image


@pytest.mark.parametrize(
    "command",
    [
        ["synth", "alexnet64:fc8:lemon", "-o", "out.png"],
        ["draw", "code.npy", "-o", "out.png"],
        ["look", "photo.png", "alexnet64:conv1:3", "-o", "out.png"],
        ["look", "photo.png", "alexnet64", "--occlusion", "-o", "out.png"],
        ["look", "photo.png", "alexnet64", "--invariance", "-o", "out.png"],
        ["exemplars", "alexnet64:conv1:3"],
        ["activations", "photo.png", "alexnet64:fc8"],
    ],
    ids=" ".join,
)
def test_a_command_says_how_its_request_waits(command: list[str], server: Any, folder: Path) -> None:
    np.save("code.npy", np.zeros(5))
    Image.new("RGB", (20, 20), "red").save("photo.png")
    assert main([*command, "--priority", "batch", "--queue-timeout-s", "30"]) == 0
    (asked,) = [one for one in server.requests if hasattr(one, "queue_timeout_s")]
    assert (asked.priority, asked.queue_timeout_s) == (PRIORITY_BATCH, 30)


def test_a_search_asks_so() -> None:
    heard: list[dict[str, Any]] = []

    class Over:
        """A search that wants no more scores."""

        def ask(self, **waits: Any) -> list[Any]:
            heard.append(waits)
            return []

    arguments = parser.build().parser.parse_args(["search", "mine", "--unit", "a:b:c", "--priority", "batch", "--queue-timeout-s", "30"])
    search._loop(Over(), lambda _: [], arguments)  # type: ignore[arg-type]
    assert heard == [{"priority": "batch", "queue_timeout_s": 30.0}]
