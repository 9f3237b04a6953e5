"""Generators trained by projected adversarial training (Sauer et al. 2021, arXiv 2111.01007) outside this package become priors.

Their file is safetensors, `g.` in front of the generator's tensors, with normalization not folded. It is trained to draw [0, 1] from the
2x2 code of efficientnet-lite0 at 128 pixels.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dgnam_models import loaders, nets
from dgnam_models.card import CardError, Code, ModelCard, Preprocessing
from dgnam_models.importers import LICENCE
from dgnam_models.loaders.safetensors import CODE

ARCHITECTURE = "upconv2x2"
ENCODER, TAP, ENCODER_SIZE = "efficientnet-lite0", "head2x2", (128, 128)
_LAYERS = {
    "a": "reduce.linear",
    "na": "reduce.norm",
    "f1": "dense.0.linear",
    "n1": "dense.0.norm",
    "f2": "dense.1.linear",
    "n2": "dense.1.norm",
    "sk": "enlarge.linear",
    "nsk": "enlarge.norm",
    "rgb": "to_image",
}
_INSIDE = {"up": "up.linear", "un": "up.norm", "cv": "convolution.linear", "cn": "convolution.norm"}
_CRITIC = {"l": "layers", "o": "out", "c": "code"}


def prior(
    file: Path, name: str, statistics: Mapping[str, Tensor], start_learning_rate: float = 0.02, **fields: Any
) -> tuple[ModelCard, dict[str, Tensor]]:
    """Return the card and the weights, folded and in float16, of the generator in `file`.

    Args:
        statistics: of photographs' codes, as `statistics.of_codes` gives them: mean and std, perhaps components and variances.
        fields: of the card, instead of what they are otherwise: description, licence, training, ...

    Raises:
        CardError: the file cannot be read or holds no such generator, or a weight is beyond float16.
    """
    try:
        state = {key.removeprefix("g."): value for key, value in load_file(file).items() if key.startswith("g.")}
        module, parameters = folded(state)
    except (SafetensorError, OSError, RuntimeError, KeyError) as error:
        raise CardError(f"{file} holds no generator of {ARCHITECTURE}: {error}") from error
    weights = {key: value.half() for key, value in module.state_dict().items()}
    weights |= {f"{CODE}{key}": value.half() if key == "components" else value for key, value in statistics.items()}
    if broken := [key for key, value in weights.items() if not value.isfinite().all()]:
        raise CardError(f"{file}: {', '.join(broken)} is beyond float16")
    blocks = len(parameters["channels"]) - 1
    card: dict[str, Any] = {
        "name": name,
        "role": "prior",
        "description": f"Draws {4 << blocks}x{4 << blocks} pictures from the features of {ENCODER} at 2x2 places",
        "licence": LICENCE,
        "format": "safetensors",
        "file": "",
        "sha256": "",
        "architecture": ARCHITECTURE,
        "parameters": parameters,
        "preprocessing": Preprocessing((4 << blocks, 4 << blocks), mean=(0.5,) * 3, std=(0.5,) * 3),
        "code": Code(ENCODER, TAP, start_learning_rate=start_learning_rate, units=parameters["code"], encoder_size=ENCODER_SIZE),
        "fit": "resize",
    }
    return ModelCard(**{**card, **fields}), weights


def training_state(file: Path) -> dict[str, dict[str, Tensor]]:
    """What training can go on from: the tensors of generator (`module`) and critic (`critic`) by their names here, not folded.

    The critic's, with `h.` in front, may be missing.

    Raises:
        CardError: the file cannot be read or holds no such generator.
    """
    try:
        tensors = {key: value.float() if value.is_floating_point() else value for key, value in load_file(file).items()}
        module = _renamed({key.removeprefix("g."): value for key, value in tensors.items() if key.startswith("g.")})
    except (SafetensorError, OSError, KeyError) as error:
        raise CardError(f"{file} holds no generator of {ARCHITECTURE}: {error}") from error
    if not module:
        raise CardError(f"{file} holds no generator of {ARCHITECTURE}: no tensor's name begins with g.")
    critic = {}
    for key, value in tensors.items():
        if head := re.fullmatch(r"h\.(\d+)\.([loc])\.(.+)", key):
            critic[f"heads.{head[1]}.{_CRITIC[head[2]]}.{head[3]}"] = value
    return {"module": module, "critic": critic}


def folded(state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, Any]]:
    """The generator whose tensors, without their `g.`, are `state`, folded, in float32; and its architecture's parameters.

    Raises:
        KeyError, RuntimeError: tensors are missing, left over or of another shape.
    """
    blocks = sum(bool(re.fullmatch(r"up\.\d+\.weight", key)) for key in state)
    parameters = {
        "code": 4 * state["a.weight"].shape[1],
        "reduced": len(state["a.weight"]),
        "hidden": len(state["f1.weight"]),
        "channels": [state["sk.weight"].shape[1], *(state[f"up.{index}.weight"].shape[1] for index in range(blocks))],
        "grain": len(state["z0"]),
    }
    module = nets.outline(ARCHITECTURE, {**parameters, "normalized": True})
    loaders.fill(module, _renamed(state))
    return nets.fold_(module.eval()), parameters


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by their names here; convolutions before normalization have no biases there, and here biases of 0."""
    found = {}
    for key, value in state.items():
        if re.fullmatch(r"k|nm\d+", key):  # the blur, which has no weights
            continue
        if grain := re.fullmatch(r"(gr\.|z)(\d+)", key):
            found[f"blocks.{grain[2]}.grain.{'noise' if grain[1] == 'z' else 'weight'}"] = value
            continue
        layer, _, name = key.rpartition(".")
        part, _, index = layer.partition(".")
        place = f"blocks.{index}.{_INSIDE[part]}" if index else _LAYERS[part]
        found[f"{place}.{name}"] = value
        if place.endswith(".linear"):
            outputs = value.shape[1 if part in ("sk", "up") else 0]
            found[f"{place}.bias"] = torch.zeros(outputs)
    return found
