"""The classifiers of torchvision by their names there, each module's output a tap."""

import importlib.util
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any

import torch
from torch import nn

from dgnam_models.nets._hooked import Hooked

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def models() -> ModuleType:
    """The module `torchvision.models`.

    PyPI's torchvision is compiled for PyTorch's CUDA build. Beside a CPU build its operators may not load, and importing it fails where
    it registers their shapes; the two operators' schemas, defined then, let it pass. No classifier uses them.

    Raises:
        ImportError: torchvision is not installed, or does not go with this PyTorch.
    """
    if importlib.util.find_spec("torchvision") is None:
        raise ImportError('torchvision is not installed: pip install "dgnam-models[torchvision]"')
    with warnings.catch_warnings():
        # torchvision 0.22 says so of its picture files' decoders, which nothing here uses.
        warnings.filterwarnings("ignore", "Failed to load image Python extension")
        try:
            import torchvision.models
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise ImportError(f"torchvision cannot be imported beside PyTorch {torch.__version__}: {error}") from error
            _define_operators()
            import torchvision.models

    return torchvision.models


def _define_operators() -> None:
    """Give the operators that torchvision could not load their schemas, and forget what was imported of it until then."""
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", _SCHEMA)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]


def names() -> list[str]:
    """torchvision's classifiers."""
    module = models()
    found: list[str] = module.list_models(module=module)
    return found


def vgg_tap_names(module: nn.Module) -> dict[str, str]:
    """The published names of a VGG's layers (Simonyan & Zisserman 2015), conv3_2, relu3_2, pool3, fc6, and torchvision's for each."""
    names, block, depth = {}, 1, 0
    for index, part in enumerate(module.features.children()):  # type: ignore[union-attr]
        depth += isinstance(part, nn.Conv2d)
        kind = {nn.Conv2d: "conv", nn.BatchNorm2d: "bn", nn.ReLU: "relu", nn.MaxPool2d: "pool"}[type(part)]
        names[f"pool{block}" if kind == "pool" else f"{kind}{block}_{depth}"] = f"features.{index}"
        if kind == "pool":
            block, depth = block + 1, 0
    flat = {"fc6": 0, "relu6": 1, "drop6": 2, "fc7": 3, "relu7": 4, "drop7": 5, "fc8": 6}
    return names | {name: f"classifier.{index}" for name, index in flat.items()}


def build(model: str, features_last: Sequence[str] = (), tap_names: Mapping[str, str] = MappingProxyType({}), **parameters: Any) -> Hooked:
    """Return torchvision's classifier `model`, untrained, its taps found by `dgnam_models.nets._hooked.survey`.

    Args:
        features_last, tap_names: see `Hooked`.
        parameters: what its constructor takes, `num_classes` for one.
    """
    constructor = models().get_model_builder(model)
    if model in ("googlenet", "inception_v3"):  # auxiliary classifiers serve training only, and drawing start values takes minutes
        parameters = {"aux_logits": False, "init_weights": False, **parameters}
    module: nn.Module = constructor(weights=None, **parameters)
    return Hooked(module.eval(), features_last, tap_names=tap_names)
