"""Network and Generator: a frozen module with its card and preprocessing, speaking float32 [0, 1] RGB images to the outside."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dgnam_models import gate
from dgnam_models.card import CardError, ModelCard, Preprocessing, Tap, addressable
from dgnam_models.mixture_denoiser import MIXTURE, MixtureDenoiser
from dgnam_models.module_copy import readable
from dgnam_models.nets._folding import Foldable
from dgnam_models.nets._hooked import Hooked, survey
from dgnam_models.nets.denoiser import Denoiser
from dgnam_models.preprocess import Preprocess


@runtime_checkable
class Tapped(Protocol):
    """A module whose activations can be read at named taps, as far as possible without computing more than they need."""

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The values at `taps`, (B, C, H, W) or (B, C) each. Raises KeyError for a tap that is not there."""


class Network(nn.Module):
    """A classifier with named taps; image (B, 3, H, W) float32 RGB, nominally in [0, 1]."""

    def __init__(self, card: ModelCard, module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        assert isinstance(module, Tapped)
        self.card = card
        self.dtype = _own_precision(module) or dtype
        self.module = module.to(self.dtype)
        self.preprocess = Preprocess(card.preprocessing)
        self.requires_grad_(False)

    def __repr__(self) -> str:
        height, width = self.input_size
        return f"<Network {self.name}: {len(self.card.taps)} taps, {width} x {height} px>"

    @property
    def name(self) -> str:
        return self.card.name

    @classmethod
    def of(
        cls,
        module: nn.Module,
        name: str,
        preprocessing: Preprocessing,
        taps: Collection[str] = (),
        *,
        output: str | None = None,
        labels: Sequence[str] | Mapping[Any, str] = (),
    ) -> "Network":
        """Any classifier as a network; a copy of it, in evaluation mode, float32 and on the CPU, so that `module` itself stays as it is.

        It passes the gate (`dgnam_models.gate`): its values depend on nothing but the picture, and they and their gradients are numbers.

        Args:
            module: takes (B, C, H, W), as `preprocessing` makes it of pictures, and gives a tensor, a tuple that begins with one, or a
                dict with `logits` or one tensor. What `torch.compile` or `DataParallel` wraps is unwrapped.
            taps: its submodules by their dotted names, `layer4.0.relu_1` for a module's second call, `attention.heads` for what an
                attention module's heads give; none: every one that gives activations. Those of the class units are added.
            output: the tap with the class units, (B, units) or (B,); None: the module whose value is the network's output.
            labels: of the class units, in order or by index.

        Raises:
            CardError: it cannot be run on such pictures, has no such taps, does not pass the gate, or the name or the labels do not fit.
        """
        bare = readable(module, name)
        image = torch.rand(3, 3, *preprocessing.size, generator=torch.Generator().manual_seed(0))
        if wrong := preprocessing.problems():
            raise CardError(f"{name}: " + "; ".join(wrong))
        try:
            found = survey(bare, Preprocess(preprocessing).encode(image))
        except Exception as error:  # the module's own code may raise anything
            raise CardError(f"{name} cannot be run on a picture of {preprocessing.size}, {preprocessing.channels}: {error}") from error
        asked = [addressable(tap) for tap in taps]
        output = addressable(output) if output else found.output
        if not output:
            ends = [tap for tap, shape in found.shapes.items() if len(shape) == 1][-3:] or list(found.shapes)[-3:]
            raise CardError(
                f"{name} gives {found.returned}, not one tensor of floating-point numbers with a row per picture: say with output= which "
                f"tap has the class units, such as {' or '.join(map(repr, ends))}"
            )
        if missing := {*asked, output} - set(found.shapes):
            raise CardError(f"{name} has no tap {', '.join(sorted(missing))}; it has {', '.join(found.shapes)}")
        card = ModelCard(
            name=name,
            role="classifier",
            description=f"{type(module).__name__}, in process",
            licence="not stated",
            format="",
            file="",
            sha256=_digest(bare),
            architecture=type(module).__name__,
            parameters={},
            preprocessing=preprocessing,
            taps=tuple(Tap(tap, shape) for tap, shape in found.shapes.items() if not asked or tap in asked or tap == output),
            labels=_labels(labels, name),
            output_tap=output,
        )
        if wrong := card.problems():
            raise CardError(f"{name}: " + "; ".join(wrong))
        return gate.admit(cls(card, Hooked(bare, found.features_last, found.sequence_first)).eval(), asked)

    @property
    def original(self) -> Tapped | None:
        """What `module` is a conversion of, without gradients, where it is one."""
        return getattr(self.module, "original", None)

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in pixels of the images it takes."""
        return self.card.preprocessing.size

    @torch.no_grad()
    def at(self, size: tuple[int, int]) -> "Network":
        """The same network, weights shared, for pictures of another `size` (height, width); its card has the taps' shapes there.

        Raises:
            CardError: it does not take that size.
        """
        form = self.card.preprocessing
        if size == form.size:
            return self
        if not form.multiple or any(side < form.multiple or side % form.multiple for side in size):
            others = f" or multiples of {form.multiple}" if form.multiple else ""
            raise CardError(f"{self.name} takes {form.size[0]} x {form.size[1]} pixels{others}, not {size[0]} x {size[1]}")
        form = replace(form, size=size)
        other = Network(replace(self.card, preprocessing=form), self.module, self.dtype).train(self.training)
        other.preprocess.to(self.preprocess.mean.device)
        found = other.own_activations(self.preprocess.mean.new_zeros(1, 3, *size), [tap.name for tap in self.card.taps])
        taps = tuple(Tap(tap.name, tuple(found[tap.name].shape[1:])) for tap in self.card.taps)
        other.card = replace(other.card, taps=taps)
        return other

    def activations(self, image: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """Activations at `taps`, (B, C, H, W) or (B, C) float32 each; runs only as far as the last of them."""
        return {tap: value.float() for tap, value in self.own_activations(image, taps).items()}

    def own_activations(self, image: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """The same in the precision it computes in: the very tensors that later taps came from, as gradients between taps need them."""
        return self.module.activations(self.preprocess.encode(image).to(self.dtype), taps)

    def logits(self, image: Tensor) -> Tensor:
        """Activations at the output tap, (B, classes)."""
        return self.activations(image, [self.card.output_tap])[self.card.output_tap]


class Generator(nn.Module):
    """A prior's generator: code (B, D) -> image (B, 3, H, W) RGB, nominally in [0, 1], not clipped.

    Args:
        card: with the mean and the deviation of photographs' codes.
        statistics: what else is known of these, by name: see `loaders.statistics`.
    """

    def __init__(
        self,
        card: ModelCard,
        module: nn.Module,
        dtype: torch.dtype = torch.float32,
        statistics: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        assert card.code is not None and card.code.mean
        self.card = card
        self.dtype = _own_precision(module) or dtype
        self.module = module.to(self.dtype)
        trained: Denoiser | None = getattr(module, "denoiser", None)
        if trained is not None:  # the smallest of its noise is lost on numbers of 8 bits
            trained.to(torch.promote_types(self.dtype, torch.float32))
        self.preprocess = Preprocess(card.preprocessing)
        self.register_buffer("code_mean", torch.tensor(card.code.mean), persistent=False)  # (D,)
        self.register_buffer("code_std", torch.tensor(card.code.std), persistent=False)  # (D,)
        self.code_mean: Tensor
        self.code_std: Tensor
        self._known = sorted(statistics.keys() - {"mean", "std"})
        for name in self._known:
            self.register_buffer(f"code_{name}", statistics[name], persistent=False)
        mixed = trained is None and set(MIXTURE) <= set(statistics)
        self._mixture = MixtureDenoiser(self.code_mean, statistics, rectified=not card.code.signed) if mixed else None
        self.requires_grad_(False)

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"<Generator {self.name}: codes of {self.code_size} units, {width} x {height} px>"

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def code_size(self) -> int:
        """The number of code units, D."""
        return len(self.code_mean)

    @property
    def code_statistics(self) -> dict[str, Tensor]:
        """What is known of photographs' codes besides mean and deviation, by name: see `loaders.statistics`."""
        return {name: self.get_buffer(f"code_{name}") for name in self._known}

    @property
    def denoiser(self) -> Denoiser | None:
        """What takes noise out of its codes, in float32 or better: the diffusion model that was trained for it, else its mixture's."""
        return getattr(self.module, "denoiser", None) or self._mixture

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels of the images it draws."""
        return self.card.preprocessing.size

    def forward(self, code: Tensor) -> Tensor:
        """Draw codes (B, D) float32 as images (B, 3, H, W) float32."""
        return self.preprocess.decode(self.module(code.to(self.dtype)).float())


def folded(module: nn.Module, preprocessing: Preprocessing) -> nn.Module:
    """The module with batch normalization folded, in place, where it is of a kind that may have some.

    It is for modules that are in float32 still: what is folded is then rounded once.
    """
    if isinstance(module, Foldable):
        image = torch.rand(1, 3, *preprocessing.size, generator=torch.Generator().manual_seed(0))
        dtype = next((value.dtype for value in module.parameters() if value.is_floating_point()), torch.float32)
        module.fold_(Preprocess(preprocessing).encode(image).to(dtype))
    return module


def _own_precision(module: nn.Module) -> torch.dtype | None:
    """The precision that a module insists on, having constants that cannot be turned into another; None: it takes any."""
    return getattr(module, "dtype", None)


def _digest(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for value in module.state_dict().values():
        if isinstance(value, Tensor) and value.numel():  # a module may keep more than tensors
            digest.update(value.cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _labels(given: Sequence[str] | Mapping[Any, str], name: str) -> tuple[str, ...]:
    """The labels in order; of a mapping by index, as transformers' `id2label`."""
    if isinstance(given, str):
        raise CardError(f"{name}: labels is one text, {given[:60]!r}; give a list with a text for each class unit")
    if not isinstance(given, Mapping):
        return tuple(map(str, given))
    by_index = {str(index): str(label) for index, label in given.items()}
    wanted = [str(index) for index in range(len(given))]
    if set(by_index) != set(wanted):
        raise CardError(
            f"{name}: labels are for the units {', '.join(by_index)[:200]}; give all of 0 to {len(given) - 1}, or a list in order"
        )
    return tuple(by_index[index] for index in wanted)
