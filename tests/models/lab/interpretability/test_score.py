"""The score by hand."""

import pytest
import torch
from dgnam_models.lab.interpretability.score import evidence, rights, similarities


def test_similarities_are_cosines() -> None:
    queries, references = torch.tensor([[2.0, 0.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert similarities(queries, references).tolist() == [pytest.approx([1, 0.6]), pytest.approx([0, 0.8])]


def test_evidence_by_hand() -> None:
    similarity = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # mean 0.5, deviation 0.5: z is 1 and -1
    assert evidence(similarity, 1).item() == pytest.approx(4)
    assert evidence(similarity.flip(0), 1).item() == pytest.approx(-4)
    assert evidence(torch.full((2, 18), 0.3), 9).item() == 0, "who sees no difference has no evidence"
    torch.testing.assert_close(evidence(similarity * 7 + 3, 1), evidence(similarity, 1), msg="its scale does not matter")


def test_who_cannot_tell_is_half_right() -> None:
    assert rights(torch.tensor([0.1, -2.0, 0.0])).tolist() == [1, 0, 0.5]
