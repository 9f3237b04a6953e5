"""Cosines by hand."""

import pytest
import torch
from dgnam_server.synth.objectives.gram import gram
from dgnam_server.synth.objectives.objective import Shown
from dgnam_server.synth.objectives.similarity import FEATURE_SIMILARITY, GRAM_SIMILARITY, cosine
from slopes import assert_slope


def test_it_is_the_mean_cosine_by_hand() -> None:
    others = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    assert FEATURE_SIMILARITY.wanted is not None
    wanted = FEATURE_SIMILARITY.wanted(Shown(others, 0, 0))
    assert wanted.tolist() == pytest.approx([0.3, 0.9])  # (3/5, 4/5) and (0, 1), halved
    assert cosine(torch.tensor([[10.0, 0.0]]), wanted[None, None]).tolist() == [[pytest.approx(0.3)]]
    assert cosine(torch.zeros(1, 2), wanted[None, None]).tolist() == [[0.0]], "what has no length is like nothing"


def test_of_grams_a_picture_is_like_itself() -> None:
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    assert GRAM_SIMILARITY.wanted is not None
    wanted = GRAM_SIMILARITY.wanted(Shown(maps, 0, 0))
    assert cosine(gram(maps).flatten(1), wanted[None, None]).item() == pytest.approx(1)


def test_its_gradient_is_what_finite_differences_say() -> None:
    wanted = torch.linspace(-1, 1, 60, dtype=torch.float64).view(1, 1, 60)
    assert_slope(lambda maps: cosine(maps.flatten(1), wanted))
    assert_slope(lambda maps: cosine(gram(maps).flatten(1), wanted[..., :9]))
