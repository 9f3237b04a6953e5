"""torchvision's classifiers, with published weights or your own, become safetensors and a card."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models import gate, loaders, nets
from dgnam_models.card import CardError, ModelCard, Preprocessing, Tap
from dgnam_models.importers import LICENCE
from dgnam_models.loaders._state import read_state
from dgnam_models.nets import torchvision as tv
from dgnam_models.nets._hooked import Hooked, survey
from dgnam_models.network import Network


def convert(
    model: str,
    name: str,
    *,
    file: Path | None = None,
    published: str = "DEFAULT",
    labels: Sequence[str] = (),
    size: tuple[int, int] | None = None,
    parameters: Mapping[str, Any] | None = None,
    licence: str = LICENCE,
) -> tuple[ModelCard, dict[str, Tensor]]:
    """Return the card and the weights of a classifier of torchvision.

    Args:
        model: its name there.
        name: its name here.
        file: its weights, safetensors or a state-dict of torch's; None: the published ones, from torchvision's own cache.
        published: which of torchvision's weights for `model` these are, or were fine-tuned from; they say mean, range, size and labels.
        labels: of its outputs; () if they are the published ones.
        size: height and width in pixels; None: as published.
        parameters: further arguments of torchvision's constructor.

    Raises:
        CardError: no such model or weights, the file cannot be read or does not fit, or the labels do not.
    """
    entry = _published(model, published)
    preset = entry.transforms()
    size = size or (preset.crop_size[0], preset.crop_size[0])
    file = file or _cached(entry)
    state = _renamed(read_state(file))
    parameters = {**_sized(model, size), **(parameters or {})}
    if model in ("googlenet", "inception_v3"):  # the published ones do their own preprocessing after the preset's
        parameters.setdefault("transform_input", True)
    classes = _classes(model, parameters, state, file)
    parameters = {"model": model, "num_classes": classes, **parameters}
    module = _filled(parameters, state, file)
    found = survey(module.module, torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(0)))
    if found.features_last:
        parameters["features_last"] = found.features_last
    if model.startswith("vgg"):  # whose layers have names of their own, which papers use
        parameters["tap_names"] = tv.vgg_tap_names(module.module)
    renamed = {own: name for name, own in parameters.get("tap_names", {}).items()}
    known = entry.meta["categories"]
    card = ModelCard(
        name=name,
        role="classifier",
        description=f"{model} of torchvision",
        licence=licence,
        format="safetensors",
        file="",
        sha256="",
        architecture="torchvision",
        parameters=parameters,
        preprocessing=Preprocessing(size, "RGB", tuple(preset.mean), tuple(preset.std)),
        taps=tuple(Tap(renamed.get(tap, tap), shape) for tap, shape in found.shapes.items()),
        labels=tuple(labels) or (tuple(known) if len(known) == classes else ()),
        output_tap=renamed.get(found.output, found.output),
        training={"source": f"torchvision's {model}, weights {file.name}, preprocessing of {entry}"},
    )
    if wrong := card.problems():
        raise CardError(f"{name}: " + "; ".join(wrong))
    served = Network(card, Hooked(module.module, found.features_last, tap_names=parameters.get("tap_names", {}))).eval()
    return gate.admit(served).card, module.state_dict()


def _published(model: str, published: str) -> Any:
    models = tv.models()
    if model not in (names := tv.names()):
        near = get_close_matches(model, names, 5, 0.4) or names
        raise CardError(f"torchvision has no classifier {model!r}; the nearest are {', '.join(near)}")
    entries = models.get_model_weights(model)
    if published not in entries.__members__:
        raise CardError(f"torchvision's {model} has no weights {published!r}; there are {', '.join(entries.__members__)}")
    return entries[published]


def _cached(entry: Any) -> Path:
    """The file that torchvision keeps of published weights; its name ends in the first digits of its SHA-256."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    if not path.is_file():
        raise CardError(f"{path} is not there: give --weights FILE, or download {entry.url} to that place")
    digits = path.stem.rpartition("-")[2]
    with path.open("rb") as stream:
        if not hashlib.file_digest(stream, "sha256").hexdigest().startswith(digits):
            raise CardError(f"{path} is damaged: its SHA-256 does not begin with {digits}")
    return path


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published DenseNets name their layers as an early PyTorch allowed: norm.1 for norm1. Auxiliary classifiers are left out."""
    for key in list(state):
        value = state.pop(key)
        if not re.match(r"(aux1|aux2|AuxLogits)\.", key):
            state[re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", key)] = value
    return state


def _sized(model: str, size: tuple[int, int]) -> dict[str, Any]:
    """What constructors need to know of the picture's size."""
    if model.startswith("vit_"):
        if size[0] != size[1]:
            raise CardError(f"{model} takes square pictures only, not {size[0]} x {size[1]}")
        return {"image_size": size[0]}
    return {"input_size": list(size)} if model.startswith("maxvit") else {}


def _classes(model: str, parameters: Mapping[str, Any], state: Mapping[str, Tensor], file: Path) -> int:
    """The number of outputs: the rows of the last layer with weights."""
    try:
        bare = nets.outline("torchvision", {"model": model, **parameters})
    except (TypeError, ValueError) as error:
        raise CardError(f"{model} cannot be built with {dict(parameters)}: {error}") from error
    assert isinstance(bare, Hooked)
    layers = [name for name, part in bare.module.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    key = f"{layers[-1]}.weight"
    if key not in state:
        raise CardError(f"{file} does not fit {model}: it has no {key}, but {', '.join(list(state)[:4])}, ... {list(state)[-1]}")
    return len(state[key])


def _filled(parameters: Mapping[str, Any], state: Mapping[str, Tensor], file: Path) -> Hooked:
    module = nets.outline("torchvision", parameters)
    assert isinstance(module, Hooked)
    try:
        loaders.fill(module.module, state)
    except RuntimeError as error:
        raise CardError(f"{file} does not fit {parameters['model']}: {shorten(str(error), 400)}") from error
    return module
