"""What the gate lets pass, and what it says of the rest: each kind of module that people come with."""

import contextlib
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from dgnam_models import CardError, Network, Preprocessing, gate
from torch import Tensor, nn
from torch.nn import functional

FORM = Preprocessing((12, 16), "RGB", (0.5,) * 3, (0.25,) * 3)


class Net(nn.Module):
    """Convolution, mean over the map, linear layer, with a place for what goes wrong in between."""

    def __init__(self, inside: Callable[[Tensor], Tensor] | None = None, end: Callable[[Tensor], Any] | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)
        self.inside, self.end = inside, end
        if isinstance(inside, nn.Module):
            self.add_module("part", inside)

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x).relu()
        x = (x if self.inside is None else self.inside(x)).mean((2, 3))
        x = self.fc(x)
        return x if self.end is None else self.end(x)


def no_grad(x: Tensor) -> Tensor:
    with torch.no_grad():
        return x * 1


class Squeezed(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).mean((2, 3), keepdim=True).squeeze())


REFUSED: list[tuple[str, Callable[[], nn.Module], str]] = [
    ("dropout", lambda: Net(lambda x: functional.dropout(x)), "fc: two runs on one picture differ.*training=self.training"),
    ("noise", lambda: Net(lambda x: x + torch.randn_like(x)), "fc: two runs on one picture differ, so something in it is random"),
    ("no statistics", lambda: Net(nn.BatchNorm2d(8, track_running_stats=False)), "fc: a picture's values depend .*track_running_stats"),
    ("batch's mean", lambda: Net(lambda x: x - x.mean(0)), "fc: a picture's values depend on the pictures beside it"),
    ("first of the batch", lambda: Net(lambda x: x - x[:1]), "fc: a picture's values depend on the pictures beside it"),
    ("last of the batch", lambda: Net(lambda x: x - x[-1:]), "fc: a picture's values depend on the pictures beside it"),
    ("no statistics for one", lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(576, track_running_stats=False)), "and not on one: Va"),
    ("squeeze", Squeezed, "fc: for one picture alone .* comes from squeeze.., say of which dimension"),
    ("no_grad", lambda: Net(no_grad), "fc: it has no gradient; its forward is cut by no_grad, detach"),
    ("detach", lambda: Net(lambda x: x.detach()), "fc: it has no gradient"),
    ("data", lambda: Net(lambda x: x.data), "fc: it has no gradient"),
    ("numpy", lambda: Net(lambda x: torch.from_numpy(x.numpy())), "fc: it can only be run without gradients: .*Can't call numpy"),
    ("round", lambda: Net(end=torch.round), "output: its gradient is zero"),
    ("sign", lambda: Net(lambda x: x.sign()), "fc: its gradient is zero"),
    ("no gradient's number", lambda: Net(lambda x: (x - x).sqrt()), "fc: its gradient is not finite"),
    ("no numbers", lambda: Net(lambda x: x / 0), "output: its values are not finite"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_would_be_drawn_wrongly_is_refused_with_the_reason(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(CardError, match=f"(?s)mine .*{message}"):
        Network.of(make(), "mine", FORM)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(value: float) -> None:
    module = Net()
    module.fc.weight.data[2, 3] = value
    with pytest.raises(CardError, match=r"mine: its weights are not finite \(NaN or infinite\): module.fc.weight"):
        Network.of(module, "mine", FORM)


def test_only_what_was_asked_for_must_do() -> None:
    """The output is rounded: nothing can be drawn for it, but for a tap before it that is named as the one with the class units."""
    module = nn.Sequential(Net(), nn.Identity())
    module[1].register_forward_hook(lambda _part, _inputs, output: output.round())
    with pytest.raises(CardError, match="1: its gradient is zero"):
        Network.of(module, "mine", FORM)
    network = Network.of(module, "mine", FORM, output="0")
    assert network.card.output_tap == "0"
    with pytest.raises(CardError, match="1: its gradient is zero"):
        Network.of(module, "mine", FORM, ["1"], output="0")


def test_a_tap_that_nobody_asked_for_is_left_out_where_it_fails() -> None:
    class Aside(Net):
        def __init__(self) -> None:
            super().__init__()
            self.aside, self.cut = nn.Dropout2d(), nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            self.aside.train()
            self.aside(x), self.cut(x.detach())
            return super().forward(x)

    assert [tap.name for tap in Network.of(Aside(), "mine", FORM).card.taps] == ["conv", "fc"]
    with pytest.raises(CardError, match="aside: two runs on one picture differ"):
        Network.of(Aside(), "mine", FORM, ["aside"])
    with pytest.raises(CardError, match="cut: it has no gradient"):
        Network.of(Aside(), "mine", FORM, ["cut"])


def test_a_layer_that_is_dead_on_noise_may_live_on_another_picture() -> None:
    module = Net()
    module.conv.weight.data.abs_(), module.conv.bias.data.fill_(-2.3)
    with torch.no_grad():
        assert not module.conv((torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0)) - 0.5) / 0.25).relu().any()
    assert Network.of(module, "mine", FORM).card.output_tap == "fc"


def test_the_callers_random_numbers_go_on_as_before() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    with contextlib.suppress(CardError):
        Network.of(Net(lambda x: functional.dropout(x)), "mine", FORM)
    assert torch.rand(3).equal(wanted) or torch.initial_seed() != 5
    network = Network.of(Net(), "mine", FORM)
    torch.manual_seed(5)
    gate.admit(network)
    assert torch.rand(3).equal(wanted)


def test_at_the_start_of_a_server_the_output_is_looked_at_again() -> None:
    network = Network.of(Net(), "mine", FORM)
    assert gate.recheck(network) is network
    network.module.module.fc.weight.data.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(CardError, match="its weights are not finite"):
        gate.recheck(network)


# --- taken as they come ---------------------------------------------------------------------------------------------


class Kept(Net):
    """Keeps a lock, and a tensor that was computed with gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.seen = threading.Lock(), dict[str, Any]()

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            x = super().forward(x)
        self.seen["last"] = [x]
        return x


def normalized(how: Callable[..., nn.Module]) -> nn.Module:
    module = Net()
    how(module.conv), how(module.fc)
    return module


HOOKS = "ignore:.*(weight_norm|spectral_norm).*is deprecated"
TAKEN: list[Any] = [
    ("weight_norm", lambda: normalized(torch.nn.utils.weight_norm)),
    ("spectral_norm", lambda: normalized(torch.nn.utils.spectral_norm)),
    ("parametrized", lambda: normalized(torch.nn.utils.parametrizations.weight_norm)),
    ("kept", Kept),
    ("half", lambda: Net().half()),
    ("bfloat16", lambda: Net().bfloat16()),
    ("double", lambda: Net().double()),
    pytest.param("compiled", lambda: torch.compile(Net()), marks=pytest.mark.slow),  # importing the compiler takes half a minute
    ("parallel", lambda: nn.DataParallel(Net())),
    ("a dict with logits", lambda: Net(end=lambda x: {"loss": x.sum(), "logits": x})),
    ("a dict with one tensor", lambda: Net(end=lambda x: {"y": x})),
    ("a tuple", lambda: Net(end=lambda x: (x, x * 2))),
]


@pytest.mark.filterwarnings(HOOKS, "ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
@pytest.mark.parametrize(("name", "make"), TAKEN)
def test_what_is_taken_as_it_comes_computes_what_the_bare_module_does(name: str, make: Callable[[], nn.Module]) -> None:
    module = make()
    dtype = next(module.parameters()).dtype
    image = torch.rand(3, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    fed = ((image - 0.5) / 0.25).to(dtype)
    if name != "compiled":
        module(fed)  # what some keep of it makes them impossible to copy
    network = Network.of(module, "mine", FORM)
    assert {"conv", "fc"} < {tap.name for tap in network.card.taps} | {"all"} and network.card.output_tap == "fc"
    assert next(module.parameters()).dtype == dtype, "the module itself stays as it was"
    found = network.logits(image)
    given = getattr(module, "_orig_mod", module).eval()(fed)
    wanted = given[0] if isinstance(given, tuple) else list(given.values())[-1] if isinstance(given, dict) else given
    precise = dtype in (torch.float32, torch.float64)
    torch.testing.assert_close(found, wanted.float(), rtol=1e-4 if precise else 3e-2, atol=1e-5 if precise else 3e-2)


def test_one_number_per_picture_is_one_unit() -> None:
    network = Network.of(Net(end=lambda x: x[:, 0]), "mine", FORM)
    assert network.card.output_tap == "output" and network.logits(torch.rand(2, 3, 12, 16)).shape == (2, 1)


def test_an_output_that_is_not_one_tensor_is_described() -> None:
    for end, message in (
        (lambda x: {"a": x, "b": x[:, :2]}, r"a dict with 'a': a tensor of float32 and the shape \(3, 5\), 'b': .*output=.*'fc'"),
        (lambda x: x.argmax(1), r"mine gives a tensor of int64 and the shape \(3,\)"),
        (lambda x: "lemon", "mine gives a str"),
    ):
        with pytest.raises(CardError, match=message):
            Network.of(Net(end=end), "mine", FORM)
        assert Network.of(Net(end=end), "mine", FORM, output="fc").card.output_tap == "fc"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")  # newer versions of PyTorch say so
def test_what_has_no_gradients_by_its_nature_is_told_what_to_give_instead() -> None:
    quantized = Net()
    quantized.part = torch.ao.nn.quantized.Linear(8, 5)
    with pytest.raises(CardError, match=r"mine has quantized layers, which give no gradients \(part.*\): give it as it was before"):
        Network.of(quantized, "mine", FORM)
    with pytest.raises(CardError, match="mine: what was given is of type OrderedDict, no torch.nn.Module; load a state-dict into"):
        Network.of(Net().state_dict(), "mine", FORM)  # type: ignore[arg-type]


def test_labels_by_index_and_names_that_no_address_holds() -> None:
    names = list("abcde")
    assert Network.of(Net(), "mine", FORM, labels=dict(enumerate(names))).card.labels == tuple(names)
    assert Network.of(Net(), "mine", FORM, labels={str(i): names[i] for i in (4, 3, 2, 1, 0)}).card.labels == tuple(names)
    assert Network.of(Net(), "mine", FORM, labels=range(5)).card.labels == ("0", "1", "2", "3", "4")  # type: ignore[arg-type]
    for labels, message in (
        ({0: "a"}, "1 labels for 5 units of fc"),
        ({1: "a", 2: "b"}, "labels are for the units 1, 2; give all of 0 to 1, or a list in order"),
        ("lemon", "labels is one text, 'lemon'; give a list with a text for each class unit"),
    ):
        with pytest.raises(CardError, match=message):
            Network.of(Net(), "mine", FORM, labels=labels)  # type: ignore[arg-type]
    for name in ("my net", "res:net", "a+b", " net", "", "a/b"):
        with pytest.raises(CardError, match=re.escape(f"{name!r} cannot be a model's name: it must not be empty, begin with a dot, or")):
            Network.of(Net(), name, FORM)


def test_every_listed_tap_can_be_named_in_an_address() -> None:
    class Named(Net):
        def __init__(self) -> None:
            super().__init__()
            self.more = nn.ModuleDict({"a:b": nn.Conv2d(3, 3, 1), "conv:1+bn": nn.BatchNorm2d(3), "a b@1": nn.Hardtanh()})

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.more["a b@1"](self.more["conv:1+bn"](self.more["a:b"](x))))

    network = Network.of(Named(), "mine", FORM, ["more.a:b", "more.conv:1+bn"])
    assert [tap.name for tap in network.card.taps] == ["more.a_b", "more.conv_1_bn", "fc"]
    image = torch.rand(2, 3, 12, 16)
    assert network.activations(image, ["more.a_b"])["more.a_b"].shape == (2, 3, 12, 16)
    assert "more.a_b_1" in [tap.name for tap in Network.of(Named(), "mine", FORM).card.taps]


# --- transformers and channels --------------------------------------------------------------------------------------


class Tokens(nn.Module):
    """Patches of 4 x 4 as tokens, one layer of attention, the mean."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=batch_first)
        self.fc, self.dimension = nn.Linear(8, 5), 1 if batch_first else 0
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = tokens if self.batch_first else tokens.transpose(0, 1)
        return self.fc(self.layer(tokens).mean(self.dimension))


def test_transformers_are_read_alike_with_the_sequence_or_the_batch_first() -> None:
    first, second = (Network.of(Tokens(batch_first), "mine", FORM) for batch_first in (True, False))
    shapes = {tap.name: tap.shape for tap in first.card.taps}
    assert shapes == {tap.name: tap.shape for tap in second.card.taps}
    assert shapes["layer.self_attn"] == shapes["layer.self_attn.heads"] == (8, 12, 1) and shapes["layer.linear1"] == (16, 12, 1)
    image = torch.rand(2, 3, 12, 16)
    found, again = (network.activations(image, list(shapes)) for network in (first, second))
    torch.testing.assert_close(found, again)
    image.requires_grad_()
    torch.testing.assert_close(first.activations(image, list(shapes)), found)  # PyTorch takes another way where gradients are wanted


def test_heads_are_what_the_projection_mixes() -> None:
    class Attention(nn.Module):
        """As timm writes it: the heads side by side are what `proj` reads."""

        def __init__(self, theirs: nn.MultiheadAttention) -> None:
            super().__init__()
            self.num_heads, self.qkv, self.proj = 2, nn.Linear(8, 24), nn.Linear(8, 8)
            self.qkv.weight, self.qkv.bias = theirs.in_proj_weight, theirs.in_proj_bias  # type: ignore[assignment]
            self.proj.weight, self.proj.bias = theirs.out_proj.weight, theirs.out_proj.bias

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.qkv(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
            return self.proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    class Own(Tokens):
        def __init__(self) -> None:
            super().__init__(batch_first=True)
            theirs = self.layer.self_attn
            self.layer = Attention(theirs)  # type: ignore[assignment]

    class Same(nn.Module):
        """Queries, keys and values of one sequence."""

        def __init__(self, theirs: nn.MultiheadAttention) -> None:
            super().__init__()
            self.theirs = theirs

        def forward(self, x: Tensor) -> Tensor:
            return self.theirs(x, x, x, need_weights=False)[0]

    class Theirs(Tokens):
        def __init__(self) -> None:
            super().__init__(batch_first=True)
            self.layer = Same(self.layer.self_attn)  # type: ignore[assignment]

    image = torch.rand(2, 3, 12, 16, requires_grad=True)
    own = Network.of(Own(), "own", FORM).activations(image, ["layer.heads", "fc"])
    theirs = Network.of(Theirs(), "theirs", FORM).activations(image, ["layer.theirs.heads", "fc"])
    torch.testing.assert_close(own["fc"], theirs["fc"])
    torch.testing.assert_close(own["layer.heads"], theirs["layer.theirs.heads"])
    (gradient,) = torch.autograd.grad(theirs["layer.theirs.heads"][:, 5].sum(), image)
    assert gradient.isfinite().all() and gradient.any()


@pytest.mark.parametrize("channels", ["Y", "GREY", "RGB0", "BGR", "0RGBY", "RR"])
def test_inputs_of_one_three_and_more_channels(channels: str) -> None:
    letters = "Y" if channels == "GREY" else channels
    mean = tuple(0.1 * (i + 1) for i in range(len(letters)))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(len(letters), 4, 3), nn.Flatten(), nn.Linear(4 * 10 * 14, 5))
    network = Network.of(module, "mine", Preprocessing((12, 16), channels, mean, (0.5,) * len(letters)))
    image = torch.rand(2, 3, 12, 16)
    grey = 0.299 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]
    held = {"R": image[:, 0], "G": image[:, 1], "B": image[:, 2], "Y": grey}
    fed = torch.stack([torch.zeros_like(grey) if c == "0" else (held[c] - m) / 0.5 for c, m in zip(letters, mean, strict=True)], 1)
    torch.testing.assert_close(network.logits(image), module(fed), rtol=1e-4, atol=1e-5)


def test_channels_that_are_none() -> None:
    for channels in ("", "RGX", "00", "rgb"):
        with pytest.raises(CardError, match=r'it must be "RGB", "BGR", "GREY", or a letter of R, G, B, Y \(grey\) and 0'):
            Network.of(Net(), "mine", Preprocessing((12, 16), channels))
    with pytest.raises(CardError, match="mean and std have 3 and 3 values; RGB0 needs 4"):
        Network.of(Net(), "mine", Preprocessing((12, 16), "RGB0"))
