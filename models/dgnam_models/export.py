"""The way out: a model as an ONNX file that takes and gives plain RGB pictures, checked against onnxruntime."""

import warnings
from pathlib import Path
from textwrap import shorten

import torch
from torch import Tensor, nn

from dgnam_models.card import CardError, whole
from dgnam_models.importers.onnx import difference
from dgnam_models.nets import _onnx_graph
from dgnam_models.network import Generator, Network

OPSET = 17
_ROWS = 3


class _Classifier(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] -> the activations of the class units."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network.logits(image)


def onnx(model: Network | Generator, path: Path) -> None:
    """Write `model` in float32 to `path`, for batches of any length, preprocessing included; the file appears whole or not at all.

    A classifier's input `image` is (B, 3, H, W) RGB of 0 to 1, its output `activations` (B, units) before any softmax; a generator's input
    `code` is (B, D), its output `image` the same kind of picture, not clipped.

    Raises:
        CardError: it is an ONNX file already, uses what ONNX cannot express, or onnxruntime computes something else from the file.
        ImportError: the packages for ONNX are not installed.
    """
    if model.card.format == "onnx":
        raise CardError(f"{model.name} is an ONNX file already: copy {model.card.file} from its pack's weights/")
    _, onnxruntime, _ = _onnx_graph.libraries()
    module: nn.Module = _Classifier(model) if isinstance(model, Network) else model
    names = ("image", "activations") if isinstance(model, Network) else ("code", "image")
    given = example(model)
    with whole(path) as temporary:
        try:
            with warnings.catch_warnings():  # it is the exporter that can follow a forward hook, and says of itself that it is old
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    module.eval(),
                    (given[:1],),
                    temporary,
                    dynamo=False,
                    opset_version=OPSET,
                    input_names=names[:1],
                    output_names=names[1:],
                    dynamic_axes={name: {0: "batch"} for name in names},
                )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise CardError(f"{model.name} cannot be written as ONNX: {shorten(str(error), 300)}") from error
        session = onnxruntime.InferenceSession(temporary.read_bytes(), providers=["CPUExecutionProvider"])
        for rows in (given[:1], given):
            found = torch.from_numpy(session.run(None, {names[0]: rows.numpy()})[0])
            with torch.no_grad():
                wanted = module(rows)
            if reason := difference(wanted, found):
                raise CardError(f"{model.name}: the file is not what it was made from: {reason}")


def example(model: Network | Generator) -> Tensor:
    """Random pictures, or random codes within their bounds."""
    random = torch.Generator().manual_seed(0)
    if isinstance(model, Network):
        return torch.rand(_ROWS, 3, *model.input_size, generator=random)
    return model.code_mean + model.code_std * torch.rand(_ROWS, model.code_size, generator=random)
