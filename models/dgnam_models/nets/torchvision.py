"""The classifiers of torchvision by their names there, each module's output a tap."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from dgnam_models.nets._hooked import Hooked


def models() -> ModuleType:
    """The module `torchvision.models`.

    PyPI's torchvision is compiled for PyTorch's CUDA build. Beside a CPU build its operators don't load, and importing it fails where it
    registers their shapes; the two operators' schemas, defined beforehand, let it pass. No classifier uses them.

    Raises:
        ImportError: torchvision is not installed.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise ImportError('torchvision is not installed: pip install "dgnam-models[torchvision]"')
    try:
        torch.ops.load_library(next(Path(spec.origin).parent.glob("_C.*")))
    except (OSError, StopIteration):
        if not hasattr(torch.ops.torchvision, "nms"):
            torch.library.define("torchvision::nms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            torch.library.define("torchvision::qnms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision.models

    return torchvision.models


def names() -> list[str]:
    """torchvision's classifiers."""
    module = models()
    found: list[str] = module.list_models(module=module)
    return found


def build(model: str, features_last: Sequence[str] = (), **parameters: Any) -> Hooked:
    """Return torchvision's classifier `model`, untrained, its taps found by `dgnam_models.nets._hooked.survey`.

    Args:
        parameters: what its constructor takes, `num_classes` for one.
    """
    constructor = models().get_model_builder(model)
    if model in ("googlenet", "inception_v3"):  # auxiliary classifiers serve training only, and drawing start values takes minutes
        parameters = {"aux_logits": False, "init_weights": False, **parameters}
    module: nn.Module = constructor(weights=None, **parameters)
    return Hooked(module.eval(), features_last)
