"""One line from a module to a picture.

from dgnam_server import render

render(torchvision.models.resnet50(weights="DEFAULT"), "layer4.1.conv2:17").save("17.png")
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgnam_client import Result
from dgnam_models import CardError, Network, Preprocessing
from torch import nn

from dgnam_server import published
from dgnam_server.local import Engine


def render(
    module: nn.Module,
    unit: str | int,
    *,
    preprocessing: Preprocessing | None = None,
    prior: str | None = None,
    models: Sequence[Path] = (),
    output: str | None = None,
    device: str = "auto",
    **options: Any,
) -> Result:
    """Draw the picture that a unit of a module prefers. The module itself stays as it is; no bundled model is loaded but those asked for.

    Who wants several pictures makes an `Engine` once.

    Args:
        unit: `tap:unit`, the tap a submodule's dotted name, with `@y,x` after it for a place in a map; or the number of an output.
        preprocessing: what the module expects of pictures; None: what torchvision or timm says of it, which a warning tells.
        prior: a generator to draw with, such as "upconv64-fc6"; None: the pixels are optimized.
        models: packs beside the bundled one, where the prior is in one.
        output: the tap with the class units, as `Network.of` takes it.
        device: "auto", "cpu", "cuda:0" and so on.
        options: as of `Client.synthesize` or, without a prior, of `Client.synthesize_pixels`: `method`, `size`, `seed`, `steps`, ...

    Raises:
        CardError: nobody says what the preprocessing is, the module cannot be run on such pictures, or has no such tap.
        DgnamError: the unit or an option is wrong.
    """
    network = _network(module, unit, preprocessing, output)
    if prior is not None:
        options["prior"] = prior
    with Engine.local(network, only=[prior] if prior else [], models=models, device=device, max_batch_rows=1) as engine:
        draw = engine.synthesize_pixels if prior is None else engine.synthesize
        tap, colon, rest = str(unit).partition(":")
        result: Result = draw(f"{network.name}:{tap}:{rest}" if colon else f"{network.name}:{network.card.output_tap}:{tap}", **options)
        return result


def _network(module: nn.Module, unit: str | int, given: Preprocessing | None, output: str | None) -> Network:
    """The module as a network with the taps that the unit needs."""
    form = given or _guessed(module)
    tap, colon, _ = str(unit).partition(":")
    return Network.of(module, type(module).__name__.lower(), form, [tap] if colon else [], output=output)


def _guessed(module: nn.Module) -> Preprocessing:
    found = published.preprocessing(module)
    if found is None:
        kind = type(module).__name__
        how = "preprocessing=Preprocessing((height, width), mean=(...), std=(...)) of dgnam_server"
        raise CardError(f"neither torchvision nor timm says what pictures {kind} takes: give {how}")
    form, source = found
    told = f"{form.size[0]} x {form.size[1]} {form.channels}, mean {form.mean}, std {form.std}"
    warnings.warn(f"preprocessing guessed from {source}: {told}; give `preprocessing` if that is wrong", stacklevel=4)
    return form
