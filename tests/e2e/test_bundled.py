"""The product itself: the bundled models draw what is asked for."""

from typing import Any

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_client import Client, Result
from dgnam_models import Network

UNITS = ["goldfish", "school bus", "lemon", "alp", "monarch", "coral reef"]


@pytest.fixture(scope="module")
def results(bundled_server: Any) -> dict[str, Result]:
    with Client(bundled_server.address, synthesis_timeout=200) as client:
        outcomes = client.synthesize_many([f"alexnet64:fc8:{name}" for name in UNITS], steps=100)
    assert all(isinstance(outcome, Result) for outcome in outcomes), outcomes
    return dict(zip(UNITS, outcomes, strict=True))  # type: ignore[arg-type]


def logits(model: str, results: dict[str, Result]) -> torch.Tensor:
    """What a network makes of the saved pictures, in 8 bits a channel."""
    return _logits(model, [np.asarray(result.image, dtype=np.float32) / 255 for result in results.values()])


def _logits(model: str, images: list[Any]) -> torch.Tensor:
    network = dgnam_models.load(model)
    assert isinstance(network, Network)
    return network.logits(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2))


def units(model: str) -> torch.Tensor:
    labels = dgnam_models.cards()[model].labels
    return torch.tensor([labels.index(name) for name in UNITS])


def test_activations_rise_to_what_the_picture_really_gives(results: dict[str, Result]) -> None:
    own = units("alexnet64")[:, None]
    whole = _logits("alexnet64", [result.array for result in results.values()]).gather(1, own).squeeze(1)
    saved = logits("alexnet64", results).gather(1, own).squeeze(1)
    for result, value, after_clipping in zip(results.values(), whole.tolist(), saved.tolist(), strict=True):
        assert value == pytest.approx(result.activation, rel=0.02)  # which a processor with bfloat16 may have found by that
        assert after_clipping > result.history[0, 0] + 5, "the saved picture is clipped and rounded, and still what the unit prefers"


def test_the_target_and_an_independent_judge_see_what_was_asked_for(results: dict[str, Result]) -> None:
    assert (logits("alexnet64", results).argmax(1) == units("alexnet64")).all()
    ranked = logits("inception64", results).topk(5).indices
    assert (ranked == units("inception64")[:, None]).any(1).sum() >= 5


@pytest.mark.parametrize("method", ["ppgn", "diffusion"])
def test_samplers_draw_what_independent_judges_name(bundled_server: Any, method: str) -> None:
    with Client(bundled_server.address, synthesis_timeout=200) as client:
        outcomes = client.synthesize_many([f"alexnet64:fc8:{name}" for name in UNITS], method=method)
    results = dict(zip(UNITS, outcomes, strict=True))
    for result in results.values():
        assert isinstance(result, Result)
        assert result.activation > np.log(0.5), "the logarithm of the probability"
        assert result.array.std() > 0.08
    ranked = logits("inception64", results).topk(5).indices  # type: ignore[arg-type]
    assert (ranked == units("inception64")[:, None]).any(1).sum() >= 5


def test_the_pictures_are_no_grey_mush(results: dict[str, Result]) -> None:
    for name, result in results.items():
        assert result.array.std() > 0.08, name
    stack = np.stack([result.array for result in results.values()])
    assert stack.std(axis=0).mean() > 0.08, "all pictures look alike"
