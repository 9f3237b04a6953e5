"""Several terms in one gradient, each way of balancing them against numbers worked out by hand."""

import pytest
import torch
from dgnam_server.synth.objectives import balance
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Balance
from torch import Tensor


def rows_with(weight: list[list[float]], real: list[list[bool]] | None = None) -> Rows:
    """Rows of which only the weights matter."""
    w = torch.tensor(weight)
    n, t = w.shape
    ints = torch.zeros(n, t, dtype=torch.int64)
    return Rows(
        code=torch.zeros(n, 2),
        seed=ints[:, 0],
        step=ints[:, 0],
        steps=ints[:, 0] + 1,
        settings={},
        state={},
        source=ints,
        unit=ints,
        y=ints - 1,
        x=ints - 1,
        readout=ints,
        vector=torch.zeros(n, t, 0),
        weight=w,
        real=torch.ones(n, t, dtype=torch.bool) if real is None else torch.tensor(real),
        silent=torch.zeros(n, t, dtype=torch.bool),
        history=torch.zeros(n, 1, t),
        stopped=ints[:, 0] - 1,
        pulled=ints[:, 0],
        broken=ints[:, 0],
    )


def two_terms(code: Tensor) -> Tensor:
    """a_0 = 1000 c_0, a_1 = c_0 + c_1."""
    return torch.stack([1000 * code[:, 0], code.sum(1)], dim=1)


def test_plain_sum_lets_the_large_term_win() -> None:
    code = torch.zeros(1, 2, requires_grad=True)
    gradient = balance.sum_gradient(two_terms(code), rows_with([[1.0, 2.0]]), code)
    assert gradient.tolist() == [[1002.0, 2.0]]


def test_gradient_norm_gives_each_term_the_strength_of_its_weight() -> None:
    code = torch.zeros(1, 2, requires_grad=True)
    gradient = balance.balanced_gradient(two_terms(code), rows_with([[1.0, 3.0]]), code)
    # g_0 / mean|g_0| = (1000, 0) / 500 = (2, 0); g_1 / mean|g_1| = (1, 1)
    assert gradient.tolist() == [[5.0, 3.0]]


def test_gradient_norm_survives_a_term_without_gradient() -> None:
    code = torch.zeros(1, 2, requires_grad=True)
    activation = torch.stack([code[:, 0] * 0, code[:, 1]], dim=1)
    gradient = balance.balanced_gradient(activation, rows_with([[1.0, 1.0]]), code)
    assert gradient.tolist() == [[0.0, 2.0]]


def test_equal_activation_is_sum_minus_variance() -> None:
    activation = torch.tensor([[1.0, 3.0], [2.0, 2.0]])
    value = balance.equal_activation(activation, rows_with([[1.0, 1.0], [1.0, 3.0]]))
    assert value.tolist() == [4.0 - 1.0, 8.0 - 4.0]  # values (1, 3): variance 1; (2, 6): variance 4


@pytest.mark.parametrize("kind", list(Balance))
def test_fillers_change_nothing(kind: Balance) -> None:
    code = torch.tensor([[0.3, -0.2]], requires_grad=True)
    bare = balance.GRADIENTS[kind](two_terms(code), rows_with([[1.0, 2.0]]), code)
    filled = torch.cat([two_terms(code), two_terms(code)[:, :1]], dim=1)
    rows = rows_with([[1.0, 2.0, 0.0]], [[True, True, False]])
    torch.testing.assert_close(balance.GRADIENTS[kind](filled, rows, code), bare)


def test_equal_activation_pulls_values_together() -> None:
    code = torch.tensor([[1.0, 0.0]], requires_grad=True)
    activation = torch.stack([5 * code[:, 0], 5 * code[:, 1]], dim=1)
    gradient = balance.equal_activation_gradient(activation, rows_with([[1.0, 1.0]]), code)
    # d/da (a_0 + a_1 - ((a_0 - a_1) / 2)^2) at (5, 0) = (1 - 2.5, 1 + 2.5), times 5
    assert gradient.tolist() == [[-7.5, 17.5]]
