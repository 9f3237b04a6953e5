"""Directions of a tap as units of their own, such as the decoder rows of a sparse autoencoder: a pack's file, read like a tap.

PACK/directions/NAME.safetensors    `directions` (units, channels), and whose they are: `network` and `tap` in its metadata
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from dgnam_models.card import CardError, ModelCard, Tap, addressable, whole
from dgnam_models.network import Network, Tapped

FOLDER = "directions"
KEY = "directions"
# The decoder's directions in a sparse autoencoder's file: in rows, as SAELens has them, or in columns, as a linear layer's weight.
_IN_ROWS, _IN_COLUMNS = ("W_dec", KEY), ("decoder.weight",)


class Directed(nn.Module):
    """A network with further taps: unit u of one is `sum_c v_uc a_c`, how far the activations a of another go in its direction v_u."""

    def __init__(self, module: nn.Module, of: Mapping[str, tuple[str, Tensor]]) -> None:
        super().__init__()
        assert isinstance(module, Tapped)
        self.module = module
        self._taps = {name: tap for name, (tap, _) in of.items()}
        self._number = {name: f"directions_{number}" for number, name in enumerate(of)}
        for name, (_, matrix) in of.items():
            self.register_buffer(self._number[name], matrix, persistent=False)

    @property
    def dtype(self) -> torch.dtype | None:
        """The precision that the network insists on; None: it takes any."""
        return getattr(self.module, "dtype", None)

    @property
    def original(self) -> "Directed | None":
        """What the network is a conversion of, with the same directions."""
        inside = getattr(self.module, "original", None)
        return None if inside is None else Directed(inside, {name: (tap, self._matrix(name)) for name, tap in self._taps.items()})

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The values at `taps`, (B, C) or (B, C, H, W). Raises KeyError for a tap that is not there."""
        assert isinstance(self.module, Tapped)
        found = self.module.activations(x, {self._taps.get(tap, tap) for tap in taps})
        return {tap: self._along(tap, found[self._taps[tap]]) if tap in self._taps else found[tap] for tap in taps}

    def _matrix(self, name: str) -> Tensor:
        return self.get_buffer(self._number[name])

    def _along(self, name: str, value: Tensor) -> Tensor:
        return torch.einsum("uc,bc...->bu...", self._matrix(name).to(value), value)


def attached(network: Network, packs: Sequence[Path]) -> Network:
    """The network with the taps of all the packs' directions that are its own.

    Raises:
        CardError: a file cannot be read, or does not go with the network.
    """
    of: dict[str, tuple[str, Tensor]] = {}
    for file in (file for pack in packs for file in sorted((pack / FOLDER).glob("*.safetensors"))):
        matrix, about = _read(file, KEY)
        if about.get("network") == network.name:
            of[file.stem] = about.get("tap", ""), matrix
            _check(network.card, about.get("tap", ""), matrix, file)
    if not of:
        return network
    taps = []
    for tap in network.card.taps:
        own = [Tap(name, (len(matrix), *tap.shape[1:])) for name, (whose, matrix) in of.items() if whose == tap.name]
        taps += [tap] * (tap.name not in of) + own
    card = replace(network.card, taps=tuple(taps))
    return Network(card, Directed(network.module, of), network.dtype).eval()


def write(file: Path, pack: Path, card: ModelCard, tap: str, name: str, *, tensor: str = "", over: bool = False) -> Tap:
    """Add the directions in a safetensors file to the folder `pack`; return the tap that they will be.

    Args:
        card: of the network.
        tensor: which of the file's; empty: a decoder's by its usual name, or the only matrix.

    Raises:
        CardError: the file cannot be read or has no such tensor, the directions do not go with the tap, or the name is taken.
    """
    tensor = tensor or _decoder(file)
    matrix, _ = _read(file, tensor)
    channels = next((known.shape[0] for known in card.taps if known.name == tap), 0)
    if matrix.ndim == 2 and (tensor in _IN_COLUMNS or matrix.shape[1] != channels) and matrix.shape[0] == channels:
        matrix = matrix.T
    _check(card, tap, matrix, file)
    if not name or addressable(name) != name or set(name) & set("/\\") or name in [known.name for known in card.taps]:
        raise CardError(f"{name!r} cannot be the name of directions of {card.name}: it is a tap already, or an address cannot hold it")
    path = pack / FOLDER / f"{name}.safetensors"
    if path.exists() and not over:
        raise CardError(f"{path} is there already; choose another name, or replace it with --over")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        save_file({KEY: matrix.contiguous()}, temporary, {"network": card.name, "tap": tap, "source": file.name})
    return Tap(name, (len(matrix), *next(known.shape[1:] for known in card.taps if known.name == tap)))


def _decoder(file: Path) -> str:
    try:
        with safe_open(file, "pt") as opened:
            shapes = {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CardError(f"{file} cannot be read as safetensors: {error}") from error
    known = [key for key in (*_IN_ROWS, *_IN_COLUMNS) if key in shapes]
    matrices = [key for key, shape in shapes.items() if len(shape) == 2]
    if known or len(matrices) == 1:
        return (known or matrices)[0]
    held = ", ".join(f"{key} {shape}" for key, shape in shapes.items())
    raise CardError(f"{file} has no {' or '.join((*_IN_ROWS, *_IN_COLUMNS))}: say with --tensor which of these are the directions: {held}")


def _read(file: Path, tensor: str) -> tuple[Tensor, dict[str, str]]:
    try:
        with safe_open(file, "pt") as opened:
            return opened.get_tensor(tensor).float(), opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CardError(f"{file} has no directions that can be read: {error}") from error


def _check(card: ModelCard, tap: str, matrix: Tensor, file: Path) -> None:
    """The directions must be of the tap, and numbers."""
    shapes = {known.name: known.shape for known in card.taps}
    if tap not in shapes:
        raise CardError(f"{file}: {card.name} has no tap {tap!r}; `dgnam-models show {card.name}` lists its taps")
    if matrix.ndim != 2 or matrix.shape[1] != shapes[tap][0]:
        raise CardError(f"{file}: directions of the shape {tuple(matrix.shape)}; those of {card.name}:{tap} are (units, {shapes[tap][0]})")
    if not matrix.isfinite().all():
        raise CardError(f"{file}: its directions are not finite (NaN or infinite)")
