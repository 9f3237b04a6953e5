"""Pretrained networks and priors by name: `names()` lists them, `load(name)` returns one, ready and frozen.

Every model is a card (`cards/NAME.toml`) and a weight file (`weights/FILE`) in a pack, a folder with these two. A card may also name a
package that holds its weight file. The bundled pack is this package.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgnam_models import packages
from dgnam_models.card import CardError, ModelCard, NotInstalled, Preprocessing, sha256

if TYPE_CHECKING:  # PyTorch takes seconds to import; who only reads cards, or asks for --help, does not wait for it
    import torch
    from torch import Tensor, nn

    from dgnam_models.network import Generator, Network

__version__ = "0.1.0"
__all__ = ["BUNDLED", "CardError", "Generator", "ModelCard", "Network", "NotInstalled", "Preprocessing", "cards", "load", "names"]

BUNDLED = Path(__file__).parent


def cards(packs: Sequence[Path] = ()) -> dict[str, ModelCard]:
    """Every model's card by name: the bundled pack's and those of `packs`, a later pack replacing a name of an earlier.

    Raises:
        CardError: a pack holds no cards, or a card cannot be used.
    """
    return {name: ModelCard.read(path) for name, path in _card_paths(packs).items()}


def names(packs: Sequence[Path] = ()) -> list[str]:
    """The models' names, sorted."""
    return sorted(_card_paths(packs))


def is_bundled(name: str, packs: Sequence[Path] = ()) -> bool:
    """Whether `name` is a model of the bundled pack, which none of `packs` replaces."""
    return _card_paths(packs)[name].parent.parent == BUNDLED


def load(
    name: str, device: "torch.device | str" = "cpu", packs: Sequence[Path] = (), dtype: "torch.dtype | None" = None
) -> "Network | Generator":
    """Return the model `name`, frozen, in evaluation mode, channels last, on `device`; it computes in `dtype`, speaks float32.

    A network has the directions that `packs` hold of it as further taps.

    Args:
        dtype: None: float32.

    Raises:
        KeyError: no card has this name.
        NotInstalled: the package with its weights is not installed.
        CardError: the card, the digest of the weight file or the weights themselves are wrong.
    """
    import torch

    from dgnam_models import directions, loaders
    from dgnam_models.network import Network, folded

    paths = _card_paths(packs)
    if name not in paths:
        raise KeyError(f"unknown model {name!r}; there are {', '.join(sorted(paths))}")
    card = ModelCard.read(paths[name])
    path = packages.find(card) if card.package else paths[name].parent.parent / "weights" / card.file
    if not path.is_file():
        raise CardError(f"{name}: {path} is missing")
    if (digest := sha256(path)) != card.sha256:
        raise CardError(f"{name}: {path.name} has SHA-256 {digest}, its card says {card.sha256}: damaged or replaced")
    module = folded(loaders.load(card, path), card.preprocessing)
    model = (
        _generator(card, module, dtype or torch.float32, loaders.statistics(card, path))
        if card.role == "prior"
        else directions.attached(Network(card, module, dtype or torch.float32), packs)
    )
    model.eval()
    return model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def __getattr__(name: str) -> Any:
    """The two classes that need PyTorch, imported when they are first asked for."""
    if name in ("Generator", "Network"):
        from dgnam_models import network

        return getattr(network, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _generator(card: ModelCard, module: "nn.Module", dtype: "torch.dtype", statistics: "dict[str, Tensor]") -> "Generator":
    """Check that the generator takes codes of which as much is known as its card says: otherwise it would fail at the first picture."""
    from dgnam_models import code_prior
    from dgnam_models.network import Generator

    code = card.code
    assert code is not None
    if {"mean", "std"} <= set(statistics):
        mean, std = (tuple(statistics[name].tolist()) for name in ("mean", "std"))
        card = replace(card, code=replace(code, mean=mean, std=std))
        assert card.code is not None
        if wrong := card.code.problems():
            raise CardError(f"{card.name}: {card.file}: " + "; ".join(wrong))
    elif not code.mean:
        raise CardError(f"{card.name}: neither its card nor {card.file} has the mean and the deviation of its codes")
    taken = getattr(module, "code_shape", None)
    if taken is not None and math.prod(taken) != code.units:
        raise CardError(
            f"{card.name}: {card.file} takes codes of the shape {taken}, {math.prod(taken)} units; its card has bounds for {code.units}"
        )
    if wrong := code_prior.problems(statistics, code.units):
        raise CardError(f"{card.name}: {card.file}: " + "; ".join(wrong))
    return Generator(card, module, dtype, statistics)


def _card_paths(packs: Sequence[Path]) -> dict[str, Path]:
    found = {path.stem: path for path in sorted((BUNDLED / "cards").glob("*.toml"))}
    for pack in packs:
        paths = {path.stem: path for path in sorted((pack / "cards").glob("*.toml"))}
        if not paths and not any((pack / folder).is_dir() for folder in ("patches", "directions")):
            raise CardError(f"{pack} is not a pack: it has no cards/*.toml")
        found.update(paths)
    return found
