"""Models as ONNX files: what onnxruntime computes from them is what they compute, for any batch."""

from pathlib import Path

import caffe_files
import dgnam_models
import onnxruntime
import pytest
import torch
from dgnam_models import CardError, Generator, Network, Preprocessing, export, pack
from dgnam_models.commands import main
from dgnam_models.importers import caffe
from torch import nn


def run(file: Path, rows: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(file)
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: rows.numpy()})[0])


def models(folder: Path) -> dict[str, Network | Generator]:
    """A bundled classifier and a prior, one from Caffe, and a module of one's own read by hooks, for grey oblong pictures."""
    net = caffe.classifier(*caffe_files.caffenet().write(folder), "caffenet", subtraction=caffe.Subtraction((104.0, 117.0, 123.0)))
    pack.write(folder / "pack", *net)
    torch.manual_seed(0)
    own = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 8 * 12, 3))
    return {
        "resnet64": dgnam_models.load("resnet64"),
        "upconv64-fc6": dgnam_models.load("upconv64-fc6"),
        "caffenet": dgnam_models.load("caffenet", packs=[folder / "pack"]),
        "own": Network.of(own, "own", Preprocessing((10, 14), "GREY", (0.1,), (0.3,))),
    }


@torch.no_grad()
def test_onnxruntime_agrees(tmp_path: Path) -> None:
    for name, model in models(tmp_path).items():
        file = tmp_path / f"{name}.onnx"
        export.onnx(model, file)
        rows = export.example(model)[:2].flip(-1)
        wanted = model.logits(rows) if isinstance(model, Network) else model(rows)
        torch.testing.assert_close(run(file, rows), wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()), msg=name)


def test_a_wrong_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that has come to answer by what a trace cannot see: how often it was asked."""

    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.calls, self.counting = nn.Linear(3 * 4 * 4, 2), 2, False

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += self.counting
            return self.fc(x.flatten(1)) * self.calls

    network = Network.of(Moody(), "moody", Preprocessing((4, 4)))
    network.module.module.counting = True  # type: ignore[union-attr]
    with pytest.raises(CardError, match="moody: the file is not what it was made from"):
        export.onnx(network, tmp_path / "moody.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")  # onnx2pytorch, for padding that repeats the edge
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "prior.onnx"
    assert main(["export", "upconv64-fc6", "--onnx", str(file)]) == 0
    assert "upconv64-fc6, equal to what onnxruntime computes from it" in capsys.readouterr().out
    assert main(["import", "generator", str(file), "--code-range", "0", "30", "--levels", "0", "1", "--into", str(tmp_path / "pack")]) == 0
    again, once = dgnam_models.load("prior", packs=[tmp_path / "pack"]), dgnam_models.load("upconv64-fc6")
    code = export.example(once)
    torch.testing.assert_close(again(code), once(code), rtol=1e-3, atol=1e-3)
    assert main(["export", "prior", "--models", str(tmp_path / "pack"), "--onnx", str(file)]) == 2
    assert "prior is an ONNX file already: copy prior.onnx" in capsys.readouterr().err
    assert main(["export", "nobody", "--onnx", str(file)]) == 2
