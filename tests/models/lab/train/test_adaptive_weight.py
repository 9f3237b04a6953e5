"""The weight of the adversarial term, from gradients known by hand."""

import pytest
import torch
from dgnam_models.lab.train.adaptive_weight import AdaptiveWeight


def test_the_adversarial_gradient_gets_the_length_of_the_feature_losses() -> None:
    """`F = 3 x1 + 4 x2` has a gradient of length 5, `A = .5 x1` one of .5: the weight is 10, and 7 of such lengths make 70."""
    drawn = torch.zeros(2, requires_grad=True)
    feature, adversarial = 3 * drawn[0] + 4 * drawn[1], 0.5 * drawn[0]
    weight = AdaptiveWeight(1.0)
    assert weight.value is None
    weight.measure(feature, adversarial, drawn)
    assert weight.value == pytest.approx(10)
    weight.measure(feature, 2 * adversarial, drawn)
    assert weight.value == pytest.approx(0.9 * 10 + 0.1 * 5), "later measurements move it by a tenth"
    longer = AdaptiveWeight(7.0)
    longer.measure(feature, adversarial, drawn)
    assert longer.value == pytest.approx(70)
    feature.backward()  # the graph is still there
    assert drawn.grad is not None and drawn.grad.tolist() == [3, 4]


def test_an_adversarial_loss_without_gradient_gives_a_finite_weight() -> None:
    drawn = torch.zeros(2, requires_grad=True)
    weight = AdaptiveWeight(1.0)
    weight.measure(drawn.sum(), 0 * drawn.sum(), drawn)
    assert weight.value is not None and weight.value < 1e10
