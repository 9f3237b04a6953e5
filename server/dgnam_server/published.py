"""What torchvision and timm say of the pictures that their networks take, read off a module."""

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from dgnam_models import Preprocessing
from torch import nn


def preprocessing(module: nn.Module) -> tuple[Preprocessing, str] | None:
    """A module's preprocessing, and in words where it comes from; None: nobody says it.

    timm's modules carry it. torchvision's do not: theirs is that of the published weights with this class and as many parameters, or, where
    there are none, as of another number of classes, what most of its family have.
    """
    for holder in ("pretrained_cfg", "default_cfg"):
        if isinstance(config := getattr(module, holder, None), Mapping) and {"input_size", "mean", "std"} <= set(config):
            return _of_timm(config), f"timm's {holder}"
    if type(module).__module__.startswith("torchvision.models."):
        return _of_torchvision(module, sys.modules["torchvision.models"])
    return None


def _of_timm(config: Mapping[str, Any]) -> Preprocessing:
    channels, height, width = config["input_size"]
    return Preprocessing((height, width), "GREY" if channels == 1 else "RGB", tuple(config["mean"]), tuple(config["std"]))


def _of_torchvision(module: nn.Module, models: Any) -> tuple[Preprocessing, str] | None:
    family = [
        (name, entry)
        for name in models.list_models(module=models)
        if models.get_model_builder(name).__module__ == type(module).__module__
        for entry in models.get_model_weights(name)
    ]
    count = sum(weight.numel() for weight in module.parameters())
    alike = [(name, entry) for name, entry in family if entry.meta["num_params"] == count]
    if not family:
        return None
    forms = Counter(_form(entry) for _, entry in alike or family)
    form = forms.most_common(1)[0][0]
    whose = alike[0][0] if alike else f"{type(module).__name__} family"
    return form, f"torchvision's {whose}"


def _form(entry: Any) -> Preprocessing:
    preset = entry.transforms()
    return Preprocessing((preset.crop_size[0], preset.crop_size[0]), "RGB", tuple(preset.mean), tuple(preset.std))
