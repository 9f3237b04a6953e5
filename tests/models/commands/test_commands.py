"""dgnam-models: what its commands print, write and refuse."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import caffe_files
import dgnam_models
import pytest
import torch
from dgnam_models import nets
from dgnam_models.commands import COMMANDS, import_, main
from safetensors.torch import save_file


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights for the smallest network of torchvision, three classes."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file(nets.build("torchvision", {"model": "mnasnet0_5", "num_classes": 3}).module.state_dict(), file)
    return file


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_import_list_show_and_verify(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("lemon\nteapot\nkoala\n", encoding="utf-8")
    pack = tmp_path / "pack"
    told = ("import", "torchvision", "mnasnet0_5", "--weights", weights, "--labels", labels, "--size", 32, "--name", "mine", "--into", pack)
    assert run(*told, "--licence", "ours") == 0
    assert "mine: classifier, 181 taps, output classifier.1. Serve it with: dgnam-server --models" in capsys.readouterr().out
    assert sorted(path.name for path in pack.rglob("*.*")) == ["mine.safetensors", "mine.toml"]

    assert run("list", "--models", pack) == 0
    assert "mine                classifier  32 x 32  mnasnet0_5 of torchvision\n" in capsys.readouterr().out
    assert run("show", "mine", "--models", pack) == 0
    shown = capsys.readouterr().out
    assert "licence        ours" in shown and "labels         3, on classifier.1: lemon, teapot, koala" in shown
    assert "tap            layers.0  16 x 16 x 16\n" in shown
    assert run("verify", pack, "mine") == run("verify", pack) == 0
    assert capsys.readouterr().out == "mine: good\n" * 2
    assert run("verify", "mine", pack) == run("verify", "mine", "--models", pack) == 0
    assert capsys.readouterr().out == "mine: good\n" * 2
    assert run("verify", tmp_path / "nowhere", "mine") == 2
    assert f"{tmp_path / 'nowhere'} is not a pack" in capsys.readouterr().err
    assert run("verify", "alexnet64") == 0
    assert capsys.readouterr().out == "alexnet64: good\n"

    assert run(*told) == 2
    assert "is there already; choose another name, or replace it with --over" in capsys.readouterr().err
    assert run(*told, "--over") == 0


def test_caffe_networks_and_generators(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = tmp_path / "pack"
    net, generator = tmp_path / "net", tmp_path / "generator"
    net.mkdir(), generator.mkdir()
    bounds = tmp_path / "bounds.txt"
    bounds.write_text("12 " * 20, encoding="utf-8")
    told = ("import", "caffe", *caffe_files.caffenet(side=67).write(net), "--name", "caffenet", "--into", pack)
    assert run(*told) == 2
    assert "say what the network was trained to subtract" in capsys.readouterr().err
    assert run(*told, "--mean", 104, 117, 123) == 0
    assert "caffenet: classifier, 23 taps, output fc8." in capsys.readouterr().out
    told = ("import", "caffe", *caffe_files.upconv(code=(20,), seed_side=9).write(generator), "--name", "g6", "--into", pack, "--mean", 110)
    assert run(*told, "--encoder", "caffenet", "--tap", "relu6") == 2
    assert "a generator needs all three: --encoder, --tap and --bounds" in capsys.readouterr().err
    assert run(*told, "--encoder", "caffenet", "--tap", "relu6", "--bounds", bounds) == 0
    assert "g6: prior, a code of 20 units." in capsys.readouterr().out
    assert run("verify", pack, "caffenet", "g6") == 0


def test_verify_finds_faults(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("import", "torchvision", "mnasnet0_5", "--weights", weights, "--size", 32, "--into", tmp_path)
    card = tmp_path / "cards" / "mnasnet0_5.toml"
    whole = card.read_text()
    card.write_text(whole.replace("    16,\n    16,\n    16,\n", "    16,\n    16,\n    15,\n", 1))
    assert run("verify", tmp_path) == 1
    assert "has shape (16, 16, 16), its card says (16, 16, 15)" in capsys.readouterr().out
    card.write_text(whole)
    file = tmp_path / "weights" / "mnasnet0_5.safetensors"
    held = bytearray(file.read_bytes())
    held[-1] ^= 1
    file.write_bytes(held)
    assert run("verify", tmp_path) == 1
    assert "damaged or replaced" in capsys.readouterr().out
    assert run("verify", tmp_path, "alexnet64", "nobody") == 2
    assert f"alexnet64, nobody: no model of {tmp_path}; there are mnasnet0_5" in capsys.readouterr().err
    assert run("verify", "nobody") == 2
    assert "nobody: neither a pack's folder nor a bundled model; there are alexnet64" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run("verify", tmp_path / "empty") == 2
    assert "is not a pack" in capsys.readouterr().err


def test_wrong_commands_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "torchvision", "resnet18", "--weights", tmp_path / "nothing.pth", "--into", tmp_path) == 2
    assert "nothing.pth cannot be read" in capsys.readouterr().err
    assert run("import", "torchvision", "resnet18", "--into", tmp_path / "new", "--parameter", "width=64") == 2
    assert not (tmp_path / "new").exists()
    assert run("show", "nobody") == 2
    assert "unknown model 'nobody'; there are alexnet64" in capsys.readouterr().err
    for arguments in (["import", "torchvision", "resnet18"], ["import", "torchvision", "x", "--into", "p", "--parameter", "a"], []):
        with pytest.raises(SystemExit):
            main(arguments)


EVERY = [(name.rstrip("_"),) for name in COMMANDS] + [("import", name) for name in import_.SOURCES]


@pytest.mark.parametrize("command", [(), *EVERY], ids=" ".join)
def test_help_needs_no_torch(command: tuple[str, ...]) -> None:
    """So it answers at once: PyTorch alone takes seconds to import."""
    code = f"""
import sys
from dgnam_models.__main__ import main
try:
    main({[*command, "--help"]})
except SystemExit as stop:
    heavy = sorted({{"torch", "numpy", "dgnam_client"}} & set(sys.modules))
    sys.exit(f"imported {{heavy}}" if heavy else stop.code)
sys.exit("no help")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    example = " ".join(("dgnam-models", *command))
    assert re.search(rf"^    {example} .*\S", done.stdout, re.MULTILINE), "an example teaches"


def test_statistics_of_a_tap_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("statistics", "alexnet64", "fc9", "--data", tmp_path, "--out", tmp_path / "fc9.safetensors") == 2
    assert "alexnet64 has no tap 'fc9'; `dgnam-models show alexnet64` lists its taps" in capsys.readouterr().err


def test_a_model_whose_package_is_not_installed_is_listed_and_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = dgnam_models.cards()["efficientnet-lite0"]
    (tmp_path / "cards").mkdir()
    replace(card, name="absent", package="no-such-package", labels=()).write(tmp_path / "cards" / "absent.toml")
    assert main(["list", "--models", str(tmp_path)]) == 0
    assert "(not installed; pip install no-such-package)" in capsys.readouterr().out
    assert main(["verify", str(tmp_path)]) == 0
    assert "not installed" in capsys.readouterr().out
