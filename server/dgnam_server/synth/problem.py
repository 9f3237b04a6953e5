"""Problem: what the rows of one batch have in common, so that they can share every kernel of a step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from dgnam_models import ModelCard, Network
from dgnam_models.patches import PatchSet
from dgnam_models.preprocess import resize
from torch import Tensor

from dgnam_server.synth.priors import Prior
from dgnam_server.synth.spec import Balance, SynthesisSpec

Source = tuple[str, str]  # network and tap
# What some parts and rules cannot do without: the network whose activations the prior's codes are, a diffusion model of those codes, or a
# set of photographs' patches.
Need = Literal["encoder", "denoiser", "patches"]


@dataclass(frozen=True)
class Structure:
    """What a method does besides numbers: which prior, which update rule, which parts."""

    prior: str
    rule: str
    parts: tuple[str, ...]


def sources(spec: SynthesisSpec) -> tuple[Source, ...]:
    """The taps a target is read from, in the order rows number them."""
    return tuple(sorted({(term.unit.model, term.unit.tap) for term in spec.terms}))


@dataclass(frozen=True)
class Problem:
    """Prior, networks, taps, how terms are brought together, and the method's structure."""

    prior: Prior
    networks: tuple[Network, ...]
    sources: tuple[Source, ...]
    balance: Balance
    structure: Structure
    fit: Callable[[Tensor, tuple[int, int]], Tensor]  # how an image gets a network's input size
    patches: PatchSet | None = None

    def activations(self, image: Tensor) -> list[Tensor]:
        """The activations of every source for image (B, 3, H, W) in float32; each network runs once, as far as its last tap."""
        found = self.read(image, self.sources)
        return [found[source].float() for source in self.sources]

    def original_activations(self, image: Tensor) -> list[Tensor | None]:
        """What the networks' original files say at every source, without gradients; None for a network that is no conversion of one."""
        found: dict[Source, Tensor] = {}
        for network in self.networks:
            if (original := network.original) is not None:
                seen = network.preprocess.encode(self.fit(image, network.input_size))
                values = original.activations(seen, [tap for name, tap in self.sources if name == network.name])
                found |= {(network.name, tap): value.float() for tap, value in values.items()}
        return [found.get(source) for source in self.sources]

    def read(self, image: Tensor, places: tuple[Source, ...]) -> dict[Source, Tensor]:
        """The activations at `places` for image (B, 3, H, W), in the precision each network computes in."""
        found: dict[Source, Tensor] = {}
        for network in self.networks:
            taps = [tap for name, tap in places if name == network.name]
            read = network.own_activations(self.fit(image, network.input_size), taps)
            found |= {(network.name, tap): value for tap, value in read.items()}
        return found

    def seen(self, name: str) -> tuple[int, int]:
        """Height and width of the middle of a picture that the network `name` sees: of a cropped one its input's, else all of it."""
        network = next(network for network in self.networks if network.name == name)
        (height, width), (high, wide) = self.prior.size, network.input_size
        return network.input_size if self.fit is not resize and height >= high and width >= wide else self.prior.size

    def without(self, parts: frozenset[str]) -> "Problem":
        """The problem of rows that have none of these parts."""
        kept = tuple(name for name in self.structure.parts if name not in parts)
        return replace(self, structure=replace(self.structure, parts=kept)) if parts else self

    @cached_property
    def maps(self) -> tuple[Source, ...]:
        """For each source the last maps (C, H, W) on the way to it, which may be its own."""
        found = []
        cards = {network.name: network.card for network in self.networks}
        for name, tap in self.sources:
            maps = last_maps(cards[name], tap)
            assert maps is not None, f"{name} has no maps on the way to {tap}"
            found.append((name, maps))
        return tuple(dict.fromkeys(found))


def last_maps(card: ModelCard, tap: str) -> str | None:
    """The last tap with maps (C, H, W) on the way to `tap`, which may be that itself; None: there is none."""
    names = [known.name for known in card.taps]
    before = card.taps[: names.index(tap) + 1]
    return next((known.name for known in reversed(before) if len(known.shape) == 3), None)
