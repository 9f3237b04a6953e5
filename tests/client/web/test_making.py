from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from dgnam_client import Client, Methods, Result
from dgnam_client._web.making import making

PAIR = "alexnet64:fc8:0+alexnet64:fc8:1"


def test_the_lines_make_the_same_request(client: Client, server: Any, drawn: Callable[..., Result], tmp_path: Any) -> None:
    """The command is parsed, and the program run: both send what the recipe says."""
    from dgnam_client._cli import main

    recipe = drawn(PAIR, seed=3, steps=2, decay=0.5, balance="gradient-norm", readout="probability", prior="fc6-prior").recipe
    lines = making(recipe, client.methods(), "lemon.json")
    program, *words = shlex.split(lines.command.replace("again.png", str(tmp_path / "again.png")))
    assert program == "dgnam" and main([*words, "--quiet"]) == 0
    exec(compile(lines.python.replace("again.png", str(tmp_path / "more.png")), "python", "exec"), {})
    asked = [request for request in server.requests if hasattr(request, "target")]
    for request in asked[-2:]:
        assert request.target == recipe.request().target
        assert (request.seed, request.prior, request.options["steps"], request.options["decay"]) == (3, "fc6-prior", 2, 0.5)


def test_of_a_method_of_pixels(client: Client) -> None:
    recipe = client.synthesize_pixels("alexnet64:fc8:0", tv_weight=0.5).recipe
    lines = making(recipe, client.methods(), "lemon.json")
    assert "client.synthesize_pixels('alexnet64:fc8:0', method='pyramid', seed=0, tv_weight=0.5)" in lines.python
    assert "--tv-weight 0.5" in lines.command and "--octaves" not in lines.command, "what is at its default is not said"


def test_what_began_with_a_photograph_is_replayed(client: Client, drawn: Callable[..., Result], methods: Methods) -> None:
    recipe = drawn(start=drawn().png).recipe
    lines = making(recipe, methods, "lemon.json")
    assert lines.command == "" and 'client.replay("lemon.json")' in lines.python
    assert lines.replay == "dgnam synth --replay lemon.json -o again.png"
