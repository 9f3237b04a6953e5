"""Backward rules reach every activation function, however a forward calls it, and leave nothing behind."""

from collections.abc import Callable

import pytest
import torch
from dgnam_server.analysis import deconvnet, guided_backpropagation
from dgnam_server.analysis.deconvnet import DECONVNET
from dgnam_server.analysis.guided_backpropagation import GUIDED_BACKPROPAGATION
from dgnam_server.analysis.rules import Rule, ruled
from torch import Tensor, nn
from torch.nn import functional

X = torch.linspace(-3, 9, 49).view(1, 1, 7, 7)
SIGNAL = torch.linspace(1, -1, 49).view(1, 1, 7, 7)


class Forward(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def below(module: nn.Module, rule: Rule | None, x: Tensor = X, signal: Tensor = SIGNAL) -> tuple[Tensor, Tensor]:
    """The module's value, and what comes down of a signal."""
    x = x.clone().requires_grad_()
    with ruled(module, rule):
        value = module(x * 1)
    return value.detach(), torch.autograd.grad(value, x, signal)[0]


def written_over(x: Tensor) -> Tensor:
    functional.relu(x, inplace=True)
    return x


def method_in_place(x: Tensor) -> Tensor:
    x.relu_()
    return x


RECTIFIERS: dict[str, Callable[[Tensor], Tensor]] = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "function": functional.relu,
    "torch": torch.relu,
    "method": lambda x: x.relu(),
    "written over": written_over,
    "method in place": method_in_place,
    "clamp": lambda x: x.clamp(min=0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "threshold": lambda x: functional.threshold(x, 0, 0),
    "relu6": functional.relu6,
    "ReLU6 in place": nn.ReLU6(inplace=True),
    "hardtanh": lambda x: functional.hardtanh(x, 0, 4, inplace=True),
    "clamp to 6": lambda x: x.clamp(0, 6),
}


@pytest.mark.parametrize("name", RECTIFIERS)
def test_rectifiers(name: str) -> None:
    function = RECTIFIERS[name]
    module = function if isinstance(function, nn.Module) else Forward(function)
    expected, gradient = below(module, None)
    value, signal = below(module, DECONVNET.rule)
    assert value.equal(expected), "what is computed stays"
    assert signal.equal(SIGNAL.clamp(min=0))
    value, signal = below(module, GUIDED_BACKPROPAGATION.rule)
    assert value.equal(expected)
    assert signal.equal(gradient.clamp(min=0))
    assert below(module, None)[1].equal(gradient), "the rule is gone"


OTHERS = [nn.LeakyReLU(0.1), nn.ELU(), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Tanh(), nn.Sigmoid(), nn.Softplus(), nn.PReLU(), nn.Mish()]


@pytest.mark.parametrize("module", OTHERS, ids=lambda module: type(module).__name__)
def test_others_are_rectified_by_the_support_of_their_derivative(module: nn.Module) -> None:
    module.requires_grad_(False)
    x = X.clone().requires_grad_()
    expected = module(x)
    slope = torch.autograd.grad(expected.sum(), x)[0]
    value, signal = below(module, DECONVNET.rule)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(signal, SIGNAL.clamp(min=0) * (slope > 0))
    _, signal = below(module, GUIDED_BACKPROPAGATION.rule)
    torch.testing.assert_close(signal, SIGNAL.clamp(min=0) * slope.clamp(min=0))


def test_a_clamp_that_is_no_activation_function_keeps_its_derivative() -> None:
    module = Forward(lambda x: x / x.norm().clamp(min=1e-12))
    for rule in (DECONVNET.rule, GUIDED_BACKPROPAGATION.rule):
        assert below(module, rule)[1].equal(below(module, None)[1])


def test_response_normalization_is_ignored_by_the_deconvnet_alone() -> None:
    from dgnam_models.nets._caffe_layers import LRN

    x, signal = torch.rand(1, 8, 3, 3), torch.randn(1, 8, 3, 3)
    for module in (nn.LocalResponseNorm(5, 0.5), LRN(5, 0.5, 0.75, 1.0), Forward(lambda x: functional.local_response_norm(x, 5, 0.5))):
        expected, gradient = below(module, None, x, signal)
        value, passed = below(module, DECONVNET.rule, x, signal)
        torch.testing.assert_close(value, expected)
        assert passed.equal(signal) and not gradient.equal(signal)
        assert below(module, GUIDED_BACKPROPAGATION.rule, x, signal)[1].equal(gradient)
        assert not module._forward_hooks


def test_a_forward_that_fails_leaves_no_rule_behind() -> None:
    def fails(x: Tensor) -> Tensor:
        raise ValueError(x.shape)

    with pytest.raises(ValueError, match="7, 7"):
        below(Forward(fails), DECONVNET.rule)
    assert not torch.overrides._get_current_function_mode_stack()


def test_signals_by_hand() -> None:
    signal, slope = torch.tensor([2.0, -1.0, 3.0]), torch.tensor([0.0, 1.0, 0.5])
    assert deconvnet.passes(signal, slope, True).tolist() == [2, 0, 3]
    assert deconvnet.passes(signal, slope, False).tolist() == [0, 0, 3]
    assert guided_backpropagation.passes(signal, slope, True).tolist() == [0, 0, 1.5]
