"""Weight formats, one per file; the file's name is a card's `format`. Nothing is ever unpickled."""

from collections import OrderedDict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from dgnam_models.card import CardError, ModelCard


def names() -> list[str]:
    """The formats in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def load(card: ModelCard, path: Path) -> nn.Module:
    """Return the card's network with the weights of `path`, in float32 on the CPU, in evaluation mode.

    Raises:
        CardError: the format is unknown, or the weights do not fit the architecture.
    """
    if card.format not in names():
        raise CardError(f"{card.name}: unknown format {card.format!r}; there are {', '.join(names())}")
    module: nn.Module = import_module(f"{__name__}.{card.format}").load(card, path)
    return module.eval()


def statistics(card: ModelCard, path: Path) -> dict[str, Tensor]:
    """What the prior's weight file knows of photographs' codes: `mean` and `std` (D,), perhaps `components` (K, D) and `variances` (K,).

    The components are orthonormal, the variances those of photographs' codes along them. There may also be a mixture of Gaussians over
    them: `centres` (M, K), `weights` (M,) and `spread` (K, K), the factor of their covariance. Of a format without room for any, {}.
    """
    read = getattr(import_module(f"{__name__}.{card.format}"), "statistics", None)
    return read(path) if read is not None else {}


def fill(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give `module`, built without memory, the tensors of `state`, floating-point ones in float32; every one must be there and fit.

    Where `state` does not say which version of torch's layers wrote it (safetensors does not), it is taken for the present one.

    Raises:
        RuntimeError: tensors are missing, left over or of another shape.
    """
    own = module.state_dict()
    filled = OrderedDict((key, value.float() if value.is_floating_point() else value) for key, value in state.items())
    for key, value in own.items():  # older files lack these counts, which only training reads
        if key.endswith("num_batches_tracked") and key not in filled:
            filled[key] = torch.zeros(value.shape, dtype=value.dtype)
    filled._metadata = getattr(state, "_metadata", own._metadata)  # type: ignore[attr-defined]
    module.load_state_dict(filled, assign=True)
