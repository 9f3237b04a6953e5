"""The smallest models that a pack can hold: cards without files, and weights for them."""

from dataclasses import replace

import torch
from dgnam_models import ModelCard, nets
from dgnam_models.card import Code, Preprocessing, Tap

CARD = ModelCard(
    name="net",
    role="classifier",
    description="a net",
    licence="none",
    format="safetensors",
    file="",
    sha256="",
    architecture="alexnet",
    parameters={"classes": 2, "channels": [2, 2, 2, 2, 2], "hidden": [4, 4], "image_size": 32},
    preprocessing=Preprocessing((32, 32)),
    taps=(Tap("fc8", (2,)),),
    output_tap="fc8",
)
PRIOR = replace(
    CARD,
    name="prior",
    role="prior",
    architecture="upconv",
    parameters={"code": 4, "hidden": 6, "seed_channels": 2, "channels": [2]},
    preprocessing=Preprocessing((8, 8)),
    taps=(),
    output_tap="",
    code=Code(mean=(0.1, 0.2, 0.3, 0.4), std=(1.0, 2.0, 3.0, 4.0)),
)


def weights() -> dict[str, torch.Tensor]:
    return nets.build(CARD.architecture, CARD.parameters).state_dict()


def prior_weights() -> dict[str, torch.Tensor]:
    return nets.build(PRIOR.architecture, PRIOR.parameters).state_dict()
