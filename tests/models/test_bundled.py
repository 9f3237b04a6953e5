"""The bundled pack: complete, small, undamaged, and good for what it is for."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import BUNDLED, CardError, Generator, Network, NotInstalled
from dgnam_models import pack as pack_module

CLASSIFIERS = ["alexnet64", "alexnet64-scenes", "inception64", "resnet64"]
PACKAGED = ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
PRIORS = {"upconv64-fc6": 1024, "upconv64-fc7": 512, "upconv128-lite0": 4 * 1280, "upconv64-pool5": 128 * 4 * 4}


def test_the_pack_holds_what_the_readme_lists_and_stays_small() -> None:
    assert dgnam_models.names() == sorted([*CLASSIFIERS, *PACKAGED, *PRIORS])
    weights = list((BUNDLED / "weights").iterdir())
    assert {path.stem for path in weights} == {*CLASSIFIERS, *PRIORS}
    assert sum(path.stat().st_size for path in weights) < 60 * 2**20
    assert all(path.suffix == ".safetensors" and path.stat().st_size < 24 * 2**20 for path in weights)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_load_frozen_with_the_taps_and_labels_of_their_cards(name: str) -> None:
    network = dgnam_models.load(name)
    assert isinstance(network, Network)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    found = network.activations(torch.rand(2, 3, 64, 64), [tap.name for tap in network.card.taps])
    assert {tap: tuple(value.shape[1:]) for tap, value in found.items()} == {tap.name: tap.shape for tap in network.card.taps}
    assert len(network.card.labels) == (20 if name == "alexnet64-scenes" else 100)
    assert network.card.training["figures"]["val_top1"] > 0.35
    assert network.card.licence


@pytest.mark.parametrize("name", PACKAGED)
def test_networks_in_packages_load_with_the_taps_and_labels_of_their_cards(name: str) -> None:
    try:
        network = dgnam_models.load(name)
    except NotInstalled as error:
        pytest.skip(str(error))
    assert isinstance(network, Network) and not network.training
    assert pack_module.problems(network) == []
    labels = network.card.labels
    assert len({label.casefold() for label in labels}) == 1000, "a label names one unit"
    assert (labels[0], labels[340], labels[388], labels[779], labels[951]) == ("tench", "zebra", "giant panda", "school bus", "lemon")


@pytest.mark.parametrize("name", PRIORS)
def test_priors_draw_and_their_statistics_are_of_their_encoders_codes(name: str) -> None:
    prior = dgnam_models.load(name)
    assert isinstance(prior, Generator)
    assert prior.card.code is not None
    try:
        encoder = dgnam_models.load(prior.card.code.encoder)
    except NotInstalled as error:
        pytest.skip(str(error))
    assert isinstance(encoder, Network)
    shapes = {tap.name: tap.shape for tap in encoder.card.taps}
    assert prior.code_size == math.prod(shapes[prior.card.code.tap]) == PRIORS[name]
    assert (prior.code_mean > 0).all(), "activations after a ReLU, none of them dead"
    assert (prior.code_std > 0).all()
    assert (prior.denoiser is not None) == (name in ("upconv64-fc6", "upconv128-lite0")), "trained, or the mixture's"
    image = prior(prior.code_mean[None])
    side = 128 if name == "upconv128-lite0" else 64
    assert image.shape == (1, 3, side, side)
    assert 0 < image.mean() < 1


def test_loading_does_not_bring_pytorchs_compiler() -> None:
    """It takes seconds to import, more than all the rest of a server's start; random numbers on the meta device are enough to bring it."""
    script = """
import sys, dgnam_models
for name in dgnam_models.names():
    dgnam_models.load(name)
heavy = {"torch._dynamo", "sympy", "torchvision", "scipy", "onnx", "onnxruntime", "matplotlib"} & sys.modules.keys()
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(KeyError, match="unknown model 'vgg19'; there are alexnet64, "):
        dgnam_models.load("vgg19")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of its own with a copy of resnet64, to damage."""
    for folder, name in (("cards", "resnet64.toml"), ("weights", "resnet64.safetensors")):
        (tmp_path / folder).mkdir()
        shutil.copy(BUNDLED / folder / name, tmp_path / folder / name)
    return tmp_path


def test_damaged_missing_and_misplaced_files_are_refused(pack: Path, tmp_path: Path) -> None:
    weights = pack / "weights" / "resnet64.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CardError, match="damaged or replaced"):
        dgnam_models.load("resnet64", packs=[pack])
    weights.unlink()
    with pytest.raises(CardError, match="is missing"):
        dgnam_models.load("resnet64", packs=[pack])
    with pytest.raises(CardError, match="is not a pack"):
        dgnam_models.names([tmp_path / "nowhere"])


def test_weights_that_do_not_fit_are_refused(pack: Path) -> None:
    card = pack / "cards" / "resnet64.toml"
    card.write_text(card.read_text().replace("classes = 100", "classes = 99"))
    with pytest.raises(CardError, match="does not fit resnet"):
        dgnam_models.load("resnet64", packs=[pack])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_models_speak_float32_whatever_they_compute_in(dtype: torch.dtype) -> None:
    network, prior = dgnam_models.load("resnet64", dtype=dtype), dgnam_models.load("upconv64-fc6", dtype=dtype)
    assert isinstance(network, Network)
    assert isinstance(prior, Generator)
    image = prior(prior.code_mean[None])
    assert image.dtype == network.logits(image).dtype == torch.float32
