import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dgnam_models
import onnx_files
import pytest
import torch
from dgnam_models import Network, Preprocessing, pack
from dgnam_models.importers import onnx
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.parts.redirected_relu import REDIRECTED_RELU, _hook, _upper, barred, batch_axes, redirected, relus
from dgnam_server.synth.rows import Rows, concat
from dgnam_server.synth.spec import Balance
from tiny_problems import problem_for, spec_for
from torch import Tensor, nn
from torch.nn import functional

FORM = Preprocessing((32, 32))


class Silent(nn.Module):
    """Channel 1 of its only layer is below zero for every picture near grey; `rectified` is how its ReLU is written."""

    def __init__(self, rectified: Callable[[Tensor], Tensor], silence: float = -1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.rectified, self.after = nn.Conv2d(3, 4, 3, padding=1), rectified, nn.Identity()
        with torch.no_grad():
            self.conv.bias.copy_(torch.tensor([0.5, silence, 0.5, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.rectified(self.conv(x))).mean((2, 3))


WRITTEN: dict[str, Callable[[Tensor], Tensor]] = {
    "a module": nn.ReLU(),
    "a module that overwrites": nn.ReLU(inplace=True),
    "a function": functional.relu,
    "a method": Tensor.relu,
    "relu6": functional.relu6,
    "clamp": lambda x: x.clamp(min=0),
    "clip between tensors": lambda x: torch.clamp(x, torch.tensor(0.0), torch.tensor(6.0)),
    "threshold": lambda x: functional.threshold(x, 0.0, 0.0),
}


def with_network(catalog: Catalog, module: nn.Module) -> Catalog:
    return replace(catalog, networks={**catalog.networks, "odd": Network.of(module, "odd", FORM)})


def test_by_hand() -> None:
    came = torch.tensor([[1.0, -2.0, 3.0], [1.0, -2.0, 3.0], [1.0, -2.0, 3.0]])
    passed = torch.tensor([[0.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 0.0]])
    above = torch.tensor([[False, True, False]] * 3)
    gradient, changed = redirected(passed, came, above, torch.tensor([True, True, False]))
    assert gradient.tolist() == [[1, -2, 3], [0, -2, 0], [0, 0, 0]], "what is low may rise, what is high may fall"
    assert changed.tolist() == [True, False, False], "a row of which something got through, or that is not to be redirected, is left alone"
    down, _ = redirected(passed[:1], came[:1], torch.zeros_like(above[:1]), torch.tensor([True]))
    assert down.tolist() == [[1, 0, 3]], "nothing that is low already is pushed lower"


@pytest.mark.parametrize("shape", [(5, 6), (5, 4, 6), (5, 3, 4, 6)])
def test_a_row_is_barred_only_where_nothing_at_all_got_through(shape: tuple[int, ...]) -> None:
    passed = torch.zeros(shape)
    passed[1].view(-1)[0] = -1e-30  # in a corner, not in the middle
    passed[2] = 1.0
    passed[3].view(-1)[-1] = torch.nan
    assert barred(passed, torch.tensor([True, True, True, True, False])).tolist() == [True, False, False, False, False]
    assert not barred(passed[1:], torch.ones(4, dtype=torch.bool))[:3].any()


def test_a_gradient_that_gets_through_is_not_computed_anew() -> None:
    """Hooks on every ReLU that touch whole maps cost as much as the step itself."""
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    node = functional.relu6(x).grad_fn
    came = torch.ones(2, 3, 8, 8)
    hook = _hook(_upper(node), torch.ones(2, dtype=torch.bool), torch.zeros(2, dtype=torch.bool), 0)
    assert hook((came,), (came,)) is None
    through = torch.stack([came[0], torch.zeros_like(came[1])])
    changed = hook((through,), (came,))
    assert changed is not None and changed[0] is not None and torch.equal(changed[0][0], came[0]) and torch.equal(changed[0][1], came[1])


def run(catalog: Catalog, name: str, tap: str, redirected_steps: int) -> Rows:
    spec = spec_for(METHODS[name], ("odd", tap, 1), steps=20, redirected_relu_steps=redirected_steps)
    problem = problem_for(catalog, METHODS[name], spec)
    return ascent.run(problem, ascent.init(problem, spec, 0))[0]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_silent_unit_wakes_however_its_relu_is_written(tiny: Catalog, written: str) -> None:
    rows = run(with_network(tiny, Silent(WRITTEN[written])), "pyramid", "after", 16)
    assert rows.history[0].max() > 0.1 and rows.pulled[0] > 0, "it is awake, and pulls by itself"


@pytest.mark.parametrize(("name", "silence"), [("pyramid", -1.0), ("lucid", -0.1), ("dgn-am", -1.5)])
def test_it_wakes_with_every_kind_of_prior_and_stays_silent_without(tiny: Catalog, name: str, silence: float) -> None:
    catalog = with_network(tiny, Silent(nn.ReLU(), silence))
    asleep, awake = (run(catalog, name, "after", steps) for steps in (0, 16))
    assert asleep.pulled.tolist() == [0] and not asleep.history.any()
    assert awake.pulled[0] > 0 and awake.history[0].any()


def test_pixel_methods_wake_units_and_methods_with_a_prior_do_not() -> None:
    for method in METHODS.values():
        asleep = method.draws_with_a_generator or method.name in ("inversion", "vital", "accentuation")  # these start awake, from pictures
        assert method.settings()["redirected_relu_steps"] == (0 if asleep else 16)


@pytest.mark.parametrize("name", ["pyramid", "lucid", "dgn-am"])
def test_a_unit_that_has_a_gradient_gets_the_same_picture_to_the_bit(tiny: Catalog, name: str) -> None:
    method, found = METHODS[name], []
    for steps in (0, 6):
        spec = spec_for(method, ("tiny", "fc8", 1), redirected_relu_steps=steps)
        problem = problem_for(tiny, method, spec)
        found.append(ascent.run(problem, ascent.init(problem, spec, 0)))
    assert torch.equal(found[0][1].image, found[1][1].image)
    assert found[1][0].pulled.tolist() == [8]


def test_silent_units_and_others_share_a_batch_without_changing_each_other(tiny: Catalog) -> None:
    method, catalog = METHODS["tv"], with_network(tiny, Silent(nn.ReLU()))
    specs = [spec_for(method, ("odd", "after", unit), seed=unit, redirected_relu_steps=steps) for unit, steps in ((1, 6), (0, 6), (1, 2))]
    problem = problem_for(catalog, method, *specs)
    mixed, seen = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        alone, alone_seen = ascent.run(problem, ascent.init(problem, spec, 0))
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-4, atol=1e-5)
        assert mixed.pulled[i] == alone.pulled[0]


def test_a_negative_weight_keeps_a_unit_silent_with_every_balance(tiny: Catalog) -> None:
    """What is ascended is minus the unit, so nothing wakes it."""
    method, catalog = METHODS["tv"], with_network(tiny, Silent(nn.ReLU()))
    for balance in Balance:
        spec = spec_for(method, ("odd", "after", 1), steps=4)
        spec = replace(spec, terms=(replace(spec.terms[0], weight=-1.0),), balance=balance)
        problem = problem_for(catalog, method, spec)
        rows, _ = ascent.run(problem, ascent.init(problem, spec, 0))
        assert not rows.history.any() and rows.pulled.tolist() == [0]


def test_the_last_step_is_never_redirected(tiny: Catalog) -> None:
    """So even a short run says whether the unit pulls."""
    method, catalog = METHODS["tv"], with_network(tiny, Silent(nn.ReLU(), silence=-1.0))
    spec = spec_for(method, ("odd", "after", 1), steps=8, start_learning_rate=0.2)
    problem = problem_for(catalog, method, spec)
    rows, _ = ascent.run(problem, ascent.init(problem, spec, 0))
    assert rows.history[0, -1] > 0 and rows.pulled[0] >= 1


class Tokens(nn.Module):
    """Patches of a picture as tokens, with the batch or the sequence first; unit 1 of every token is below zero near grey."""

    def __init__(self, sequence_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sequence_first, self.patches, self.mixed, self.after = sequence_first, nn.Conv2d(3, 8, 16, 16), nn.Linear(8, 4), nn.Identity()
        with torch.no_grad():
            self.mixed.bias.copy_(torch.tensor([0.5, -1.0, 0.5, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2)
        tokens = self.after(self.mixed(tokens.permute(2, 0, 1) if self.sequence_first else tokens.transpose(1, 2)).relu())
        return tokens.mean(0 if self.sequence_first else 1)


@pytest.mark.parametrize("sequence_first", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_tokens_wake_row_by_row_wherever_the_batch_is(tiny: Catalog, sequence_first: bool, count: int) -> None:
    """Four tokens, and in one case four rows; one row of them is not to be woken."""
    method, catalog = METHODS["pyramid"], with_network(tiny, Tokens(sequence_first))
    specs = [spec_for(method, ("odd", "after", 1), seed=i, steps=20, redirected_relu_steps=0 if i == 1 else 16) for i in range(count)]
    problem = problem_for(catalog, method, *specs)
    mixed, _ = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))
    assert [bool(history.any()) for history in mixed.history] == [i != 1 for i in range(count)]
    alone, _ = ascent.run(problem, ascent.init(problem, specs[-1], 0))
    torch.testing.assert_close(mixed.history[-1], alone.history[0], rtol=1e-3, atol=1e-4)


def test_where_the_batch_is_when_as_many_tokens_as_rows() -> None:
    for axis in (0, 1):
        image = (code := torch.rand(3, 3, 3, requires_grad=True)) * 1
        tokens = (image if axis == 0 else image.transpose(0, 1)) - 5
        activation = tokens.relu()[:, :, :1].sum(1 - axis)
        nodes = list(relus(activation, image))
        assert batch_axes(nodes, activation, image) == [axis]
        assert not torch.autograd.grad(activation.sum(), code)[0].any(), "looking left nothing behind"


def test_a_priors_own_relus_are_left_alone() -> None:
    code = torch.zeros(2, 3, requires_grad=True)
    image = code.relu() + 1
    activation = (image * 2).relu().sum()
    assert len(list(relus(activation, image))) == 1


@pytest.mark.parametrize("written", ["a function", "relu6", "clamp"])
def test_nothing_of_a_step_stays_in_memory(tiny: Catalog, written: str) -> None:
    class Held:
        pass

    method = METHODS["tv"]
    spec = spec_for(method, ("tiny", "fc8", 1))
    problem = problem_for(tiny, method, spec)
    rows = ascent.init(problem, spec, 0)
    held = Held()
    gone = weakref.ref(held)
    code = torch.rand(1, 4, 5, 5, requires_grad=True)
    image = code * 2
    image.grad_fn.register_hook(lambda *_, held=held: None)
    activation = WRITTEN[written](image - 5).mean((2, 3))
    assert REDIRECTED_RELU.redirect is not None
    touched = REDIRECTED_RELU.redirect(activation, image, rows, problem)
    torch.autograd.grad(activation.sum(), code)
    assert touched.tolist() == [True]
    del held, image, activation
    gc.collect()
    assert gone() is None


def test_a_network_in_an_onnx_file(tiny: Catalog, tmp_path: Path) -> None:
    net = onnx_files.Draft(("batch", 3, 32, 32))
    kernel, bias = net.weight("conv.w", 4, 3, 3, 3), net.constant("conv.b", [0.5, -1.0, 0.5, 0.5])
    net.node("Conv", f"image {kernel} {bias}", "conv", pads=[1] * 4)
    net.node("Relu", "conv", "relu")
    net.node("GlobalAveragePool", "relu", "average")
    net.node("Flatten", "average", "flat", axis=1)
    card, write = onnx.classifier(net.write(tmp_path / "odd.onnx", "flat"), "odd", preprocessing=FORM)
    pack.write(tmp_path / "pack", card, write)
    network = dgnam_models.load("odd", packs=[tmp_path / "pack"])
    assert isinstance(network, Network)
    catalog = replace(tiny, networks={"odd": network})
    assert not run(catalog, "pyramid", "relu", 0).pulled.any()
    assert run(catalog, "pyramid", "relu", 16).pulled.all()
