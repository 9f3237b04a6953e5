"""Recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dgnam_client import InvalidRequestError, Recipe, Result
from dgnam_client._wire import results
from dgnam_proto.v1 import synthesis_pb2


@pytest.fixture
def result(result_message: Any) -> Result:
    return results.result(result_message(seed=3))


def test_recipe_as_json(result: Result) -> None:
    recipe = result.recipe
    fields = json.loads(recipe.to_json())
    assert fields == recipe.to_dict()
    assert fields["synthesize"]["options"] == {"end_learning_rate": 1e-10, "decay": 0.01, "steps": 4}
    assert fields["model_digests"] == {"alexnet64": "c" * 64}  # the contract's names, not camel case
    assert Recipe.from_json(recipe.to_json()) == Recipe.from_dict(fields) == recipe
    assert recipe.request().options["decay"] == recipe.options["decay"] == 0.01
    assert recipe.seed == 3 and recipe.device == "a small processor" and recipe.versions == {"dgnam": "0.1.0"}


def test_a_recipe_cannot_be_changed(result: Result) -> None:
    result.recipe.request().seed = 99
    result.recipe.model_digests.clear()
    assert result.recipe.seed == 3 and result.recipe.model_digests


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"request": {"steps": 1}}', '{"synthesize": {"seed": -1}}', b"\xff", "null"])
def test_what_is_no_recipe(text: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="not a recipe"):
        Recipe.from_json(text)
    path = tmp_path / "bad.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidRequestError, match=r"bad\.json: .*not a recipe"):
        Recipe.load(path)


def test_differences(result: Result) -> None:
    recipe = result.recipe
    assert recipe.differences(recipe) == []
    fields = recipe.to_dict()
    fields["model_digests"] = {"alexnet64": "d" * 64, "prior": "e" * 64}
    fields["versions"] = {}
    fields["device"] = "another"
    fields["synthesize"]["seed"] = 4
    assert recipe.differences(Recipe.from_dict(fields)) == [
        "request: not the same",
        "weights of alexnet64: cccccccccccc, now dddddddddddd",
        "weights of prior: none, now eeeeeeeeeeee",
        "version of dgnam: 0.1.0, now none",
        "device: a small processor, now another",
    ]


def test_equal_recipes_are_equal_files(result: Result) -> None:
    """Whatever the order in which the options were set."""
    message = synthesis_pb2.Recipe()
    names = list(result.recipe.options)
    for name in reversed(names):
        message.synthesize.options[name] = result.recipe.options[name]
    message.synthesize.seed = 3
    other = synthesis_pb2.Recipe()
    other.synthesize.seed = 3
    for name in names:
        other.synthesize.options[name] = result.recipe.options[name]
    assert Recipe(message) == Recipe(other) and Recipe(message).to_json() == Recipe(other).to_json()


@pytest.mark.parametrize("kind", ["synthesize", "synthesize_pixels"])
def test_both_kinds_of_request(kind: str) -> None:
    text = json.dumps(
        {kind: {"target": {"terms": [{"unit": {"model": "a", "tap": "b", "index": 1}}]}, "method": "m", "options": {"steps": 2}}}
    )
    recipe = Recipe.from_json(text)
    assert (recipe.target, recipe.method, recipe.options) == ("a:b:1", "m", {"steps": 2})
    assert recipe.request().DESCRIPTOR.name == ("SynthesizeRequest" if kind == "synthesize" else "SynthesizePixelsRequest")
    assert json.loads(recipe.to_json())[kind]["method"] == "m"
