"""torchvision's classifiers: one of each family, random weights, imported from a file and served from a pack."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dgnam_models
import pytest
import torch
from dgnam_models import CardError, Network, nets, pack
from dgnam_models.importers import read_labels
from dgnam_models.importers import torchvision as importer
from dgnam_models.loaders._state import read_state
from dgnam_models.nets import torchvision as tv
from dgnam_models.weight_layout import lay_out_
from safetensors.torch import save_file
from torch import nn

CLASSES = 7
# One of each family: name, side of the picture in pixels, a tap inside and its shape.
FAMILIES = [
    ("alexnet", 64, "features.3", (192, 7, 7)),
    ("convnext_tiny", 64, "features.1.0.block.3", (384, 16, 16)),  # between two permutations, features last
    ("densenet121", 64, "features.denseblock1.denselayer2.conv1", (128, 16, 16)),
    ("efficientnet_b0", 64, "features.2.0.block.1.0", (96, 16, 16)),
    ("googlenet", 64, "inception3b.branch2", (192, 8, 8)),
    ("inception_v3", 96, "Mixed_5d", (288, 9, 9)),
    ("maxvit_t", 224, "blocks.1.layers.0", (128, 28, 28)),
    ("mnasnet0_5", 64, "layers.8.0.layers.3", (24, 16, 16)),
    ("mobilenet_v2", 64, "features.4.conv.0.0", (144, 16, 16)),
    ("mobilenet_v3_small", 64, "features.3.block.0.0", (88, 8, 8)),
    ("regnet_y_400mf", 64, "trunk_output.block2", (104, 8, 8)),
    ("resnet18", 64, "layer2.0.relu_1", (128, 8, 8)),  # the second call of one module
    ("shufflenet_v2_x0_5", 64, "stage2.0", (48, 8, 8)),
    ("squeezenet1_1", 64, "features.3.squeeze", (16, 15, 15)),
    ("swin_t", 64, "features.1.0.attn", (96, 16, 16)),  # features last throughout
    ("vgg11_bn", 32, "conv2_1", (128, 16, 16)),
    ("vit_b_32", 64, "encoder.layers.encoder_layer_3.ln_2", (768, 5, 1)),  # five tokens
]
QUICK = {"inception_v3", "mobilenet_v3_small", "resnet18", "swin_t", "vit_b_32"}  # the others are built of what these have


def random_state(model: str, side: int, classes: int = CLASSES) -> dict[str, torch.Tensor]:
    """Weights that keep signals alive, and statistics that batch normalization can use, in half precision to be quick."""
    sizes = {"image_size": side} if model.startswith("vit") else {"input_size": [side, side]} if model.startswith("maxvit") else {}
    module = nets.outline("torchvision", {"model": model, "num_classes": classes, **sizes}).module
    noise = torch.rand(1_000_003, generator=torch.Generator().manual_seed(0)).half() * 2 - 1  # repeated; no row has this length
    state = {}
    for key, value in module.state_dict().items():
        if not value.is_floating_point():
            state[key] = torch.zeros(value.shape, dtype=value.dtype)
        elif key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            state[key] = torch.ones(value.shape).half()
        else:
            bound = (6 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
            state[key] = (noise * bound).repeat(value.numel() // len(noise) + 1)[: value.numel()].reshape(value.shape)
    real = {
        key: value
        for key, value in tv.build(model, num_classes=classes, **sizes).module.state_dict().items()
        if "index" in key or "relative" in key
    }
    return state | real  # tables of positions are not weights


def imported(model: str, side: int, folder: Path) -> Network:
    file = folder / f"{model}.safetensors"
    save_file(random_state(model, side), file)
    card, weights = importer.convert(model, model, file=file, size=(side, side))
    pack.write(folder / "pack", card, weights)
    network = dgnam_models.load(model, packs=[folder / "pack"])
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize(
    ("model", "side", "tap", "shape"),
    [family if family[0] in QUICK else pytest.param(*family, marks=pytest.mark.slow) for family in FAMILIES],
    ids=str,
)
def test_every_family_is_served_from_a_file(model: str, side: int, tap: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    network = imported(model, side, tmp_path)
    assert pack.problems(network) == []
    shapes = {tap.name: tap.shape for tap in network.card.taps}
    assert shapes[tap] == shape
    assert shapes[network.card.output_tap] == (CLASSES,)
    assert network.card.training["source"].startswith(f"torchvision's {model}, weights {model}.safetensors")

    # What torchvision's own module answers to the picture that its documentation prescribes.
    image = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    wanted = network.module.module((image - mean) / std)
    torch.testing.assert_close(network.logits(image), wanted, rtol=1e-4, atol=1e-4)

    image.requires_grad_()
    found = network.activations(image, [tap, network.card.output_tap])
    for name, value in found.items():
        (gradient,) = torch.autograd.grad((value * value.detach()).sum(), image, retain_graph=True)
        assert gradient.isfinite().all() and gradient.abs().sum() > 0, name
    torch.testing.assert_close(lay_out_(network).activations(image, list(found)), found, rtol=1e-3, atol=1e-3)  # as the server has it
    (tmp_path / f"{model}.safetensors").unlink()


@torch.no_grad()
def test_what_is_overwritten_in_place_is_read_before(tmp_path: Path) -> None:
    """conv1 -> bn1 -> ReLU in place: bn1 is read with its negative values, and equals what its layers give on their own."""
    network = imported("resnet18", 64, tmp_path)
    image = torch.rand(2, 3, 64, 64)
    found = network.activations(image, ["conv1", "bn1", "relu", "layer1.0.relu", "layer1.0.bn2", "layer1.0.relu_1"])
    bare = network.module.module
    bn1 = bare.bn1.part  # as it came: by itself, the map before it has it folded in
    conv1 = bare.conv1.layer(network.preprocess.encode(image))
    torch.testing.assert_close(found["conv1"], conv1)
    torch.testing.assert_close(found["bn1"], bn1(conv1))
    torch.testing.assert_close(found["relu"], bn1(conv1).relu())
    x = bare.maxpool(bn1(conv1).relu())
    torch.testing.assert_close(found["layer1.0.relu_1"], (found["layer1.0.bn2"] + x).relu())
    assert found["bn1"].min() < 0


def test_published_files_as_torch_saves_them(tmp_path: Path) -> None:
    """A state-dict inside a training script's dictionary, with DataParallel's prefix; the early DenseNets' names; auxiliary classifiers."""
    state = random_state("densenet121", 32)
    old = {"module." + key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for key, value in state.items()}
    file = tmp_path / "densenet.pth"
    torch.save({"epoch": 3, "state_dict": old}, file)
    card, _ = importer.convert("densenet121", "dense", file=file, size=(32, 32))
    assert card.output_tap == "classifier"
    state = random_state("googlenet", 64)
    file = tmp_path / "googlenet.pth"
    torch.save(state | {"aux1.conv.conv.weight": torch.zeros(1), "aux2.fc2.bias": torch.zeros(1)}, file)
    card, _ = importer.convert("googlenet", "google", file=file, size=(64, 64))
    assert card.parameters["transform_input"] is True


@pytest.mark.parametrize(
    ("inside", "prefix"),
    [
        (lambda state: {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}, "groups": [1]}}, ""),
        (lambda state: {"net": state, "acc": 0.9}, "module."),
        (lambda state: {"state_dict": state, "hyper_parameters": {"lr": 0.1}}, "model."),
        (lambda state: {"run": {"weights_at_best": state}}, "_orig_mod."),
        (lambda state: state, "module._orig_mod.model."),
    ],
    ids=["model_state_dict", "net", "lightning", "an unknown name", "compiled and parallel"],
)
def test_weights_are_found_wherever_training_scripts_put_them(inside: Callable[[Any], Any], prefix: str, tmp_path: Path) -> None:
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()
    kept = {f"{prefix}{key}": value for key, value in state.items()}
    torch.save(inside(kept), tmp_path / "weights.pth")
    found = read_state(tmp_path / "weights.pth")
    assert list(found) == list(state) and all(found[key].equal(state[key]) for key in state)


def test_labels_size_and_mean_are_those_of_the_published_weights(tmp_path: Path) -> None:
    file = tmp_path / "shuffle.pth"
    torch.save(random_state("shufflenet_v2_x0_5", 64, classes=1000), file)
    card, _ = importer.convert("shufflenet_v2_x0_5", "shuffle", file=file)
    assert (card.labels[0], len(card.labels), card.preprocessing.size) == ("tench", 1000, (224, 224))
    torch.save(random_state("shufflenet_v2_x0_5", 64), file)
    card, _ = importer.convert("shufflenet_v2_x0_5", "shuffle", file=file, size=(48, 96), labels=list("abcdefg"))
    assert card.labels == tuple("abcdefg") and card.preprocessing.size == (48, 96)
    with pytest.raises(CardError, match="3 labels for 7 units of fc"):
        importer.convert("shufflenet_v2_x0_5", "shuffle", file=file, labels=list("abc"))


def test_torchvisions_cache_is_used_and_its_digest_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(CardError, match=r"squeezenet1_1-b8a52dc0.pth is not there: give --weights FILE, or download https://"):
        importer.convert("squeezenet1_1", "squeeze")
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"something else")
    with pytest.raises(CardError, match="is damaged: its SHA-256 does not begin with b8a52dc0"):
        importer.convert("squeezenet1_1", "squeeze")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_wrong_files_are_refused_and_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "weights.pth"
    for held, message in (
        (Hostile(), "holds more than tensors"),
        (nn.Linear(2, 2), "holds more than tensors"),
        ({"a": 1, "b": [2]}, r"is not a state-dict: names and tensors. It holds a \(int\), b \(list\); save the network's"),
        ([1], "is not a state-dict, names and tensors, but a list"),
        ({"a": torch.zeros(1)}, "does not fit resnet18: it has no fc.weight"),
        ({"fc.weight": torch.zeros(3, 512)}, "does not fit resnet18: .*Missing key"),
    ):
        torch.save(held, file)
        with pytest.raises(CardError, match=message):
            importer.convert("resnet18", "net", file=file)
    file.write_bytes(b"nothing")
    with pytest.raises(CardError, match="holds more than tensors|cannot be read"):
        importer.convert("resnet18", "net", file=file)
    assert "code ran" not in capsys.readouterr().out
    with pytest.raises(CardError, match="no classifier 'resnet17'; the nearest are .*resnet18"):
        importer.convert("resnet17", "net")
    with pytest.raises(CardError, match="no weights 'V9'; there are IMAGENET1K_V1"):
        importer.convert("resnet18", "net", published="V9")


def test_labels_without_the_synsets_numbers(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("n01440764 tench, Tinca tinca\n\ngoldfish\n", encoding="utf-8")
    assert read_labels(file) == ("tench, Tinca tinca", "goldfish")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "柠檬\ncafé\n"),
        ("utf-16", "柠檬\ncafé\n"),
        ("utf-16-le", "lemon\ncafé\n"),
        ("gbk", "柠檬\n茶壶\n无尾熊\n"),
        ("latin-1", "café\nœuf\n".replace("œ", "ö")),
        ("cp1252", "“Käse”\nß\n"),
    ],
)
def test_labels_in_the_encodings_that_files_have(encoding: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(text.encode(encoding))
    assert read_labels(file) == tuple(text.split())


def python(code: str) -> str:
    """What a new process prints, in which torchvision has not been imported."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torchvision_is_imported_first_and_stood_in_for_only_where_that_fails() -> None:
    """With operators that load, they are the real ones; a schema defined beside them would end the process."""
    told = python("""
import torch
try:
    import torchvision
    real = True
except RuntimeError:  # PyPI's torchvision beside a CPU build of PyTorch
    real = False
from dgnam_models.nets import torchvision as ours
print(real, "resnet18" in ours.names())
if real:
    print(torch.ops.torchvision.nms(torch.tensor([[0.0, 0, 1, 1]]), torch.ones(1), 0.5).tolist())
""")
    assert told in ("True True\n[0]\n", "False True\n")


def test_torchvision_whose_operators_cannot_be_loaded_still_gives_its_classifiers() -> None:
    told = python("""
import torch
def refuse(path):
    raise OSError(f"{path}: undefined symbol")
torch.ops.load_library = refuse
from dgnam_models.nets import torchvision as ours
print("resnet18" in ours.names(), hasattr(torch.ops.torchvision, "nms"))
import torchvision.models
print(torchvision.models is ours.models())
""")
    assert told == "True True\nTrue\n"
