"""Catalog: the models this server has loaded, by name. Built once at start-up, then only read."""

import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import dgnam_models
import torch
from dgnam_models import CardError, Generator, ModelCard, Network, NotInstalled, gate
from dgnam_models.errors import DataError
from dgnam_models.filters import Filters, first_layer
from dgnam_models.patches import FILE as PATCH_FILE
from dgnam_models.patches import PatchSet
from dgnam_models.pooling import has_max_pooling
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import laid_out, lay_out_

from dgnam_server.analysis import DEFAULT_PROJECTION, DEFAULT_WITHOUT_POOLING
from dgnam_server.indices import Indices
from dgnam_server.synth.methods import METHODS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """Loaded models.

    Attributes:
        default_prior: that of requests that name none, see `prior_for`; empty where no prior is loaded.
        settled: whether it is so for every target, as somebody chose it.
        load_seconds: by a model's name, how long it took to load.
        pooling: the networks that have max pooling.
    """

    networks: Mapping[str, Network]
    generators: Mapping[str, Generator]
    default_prior: str
    dtype: torch.dtype  # what the models compute in
    patches: PatchSet | None = None  # photographs' patches, where a pack has some
    missing: Mapping[str, str] = field(default_factory=dict)  # models without their weights, and how to get those
    settled: bool = True
    indices: Indices = Indices()  # of photographs, by network
    load_seconds: Mapping[str, float] = field(default_factory=dict)
    filters: Mapping[str, Filters] = field(default_factory=dict)  # of the networks that begin with a convolution
    pooling: Collection[str] = frozenset()

    @property
    def cards(self) -> dict[str, ModelCard]:
        """All cards by name, sorted."""
        models: dict[str, Network | Generator] = {**self.networks, **self.generators}
        return {name: models[name].card for name in sorted(models)}

    @cached_property
    def encoders(self) -> Mapping[str, Network]:
        """By a prior's name the network whose activations its codes are, at the size it was trained with; some priors have none."""
        found = {}
        for name, generator in self.generators.items():
            code = generator.card.code
            assert code is not None
            if code.encoder:
                encoder = self.networks[code.encoder]
                height, width = code.encoder_size or encoder.input_size
                found[name] = encoder.at((height, width))
        return found

    def prior_for(self, names: Collection[str]) -> str:
        """The prior of a request that names none, for a target in the networks `names`.

        One that was made for a network of the target, or else for a network whose pictures have about the size that the target's have:
        codes of a small network know too little of what a large one tells apart. Of several, the default or the first by name.
        """
        sides = [max(self.networks[name].input_size) for name in names if name in self.networks]
        if self.settled or not sides or not self.generators:
            return self.default_prior

        def distance(name: str) -> tuple[bool, float, bool, str]:
            generator, encoder = self.generators[name], self.encoders.get(name)
            own = encoder is not None and encoder.name in names
            side = max(generator.image_size if encoder is None else encoder.input_size)
            return not own, abs(math.log(side / max(sides))), name != self.default_prior, name

        return min(self.generators, key=distance)

    def projection_for(self, network: str) -> str:
        """The method of projection of a request that names none; empty of a network without gradients."""
        if self.networks[network].card.forward_only:
            return ""
        return DEFAULT_PROJECTION if network in self.pooling else DEFAULT_WITHOUT_POOLING

    def viewer(self, generator: Generator) -> Network | None:
        """A network that `generator` can draw for: its encoder, or the first that gives gradients; None: there is none."""
        assert generator.card.code is not None
        if generator.card.code.encoder:
            return self.networks[generator.card.code.encoder]
        return next((network for network in self.networks.values() if not network.card.forward_only), None)


def load(
    packs: Sequence[Path],
    device: torch.device,
    default_prior: str | None = None,
    dtype: torch.dtype | None = None,
    own: Sequence[Network] = (),
    only: Collection[str] | None = None,
) -> Catalog:
    """Load every model of the bundled pack and of `packs` onto `device`, and add `own` networks.

    A model whose weights are in a package that is not installed is left out, and so is a prior for such an encoder; the log says so.

    Args:
        dtype: what the models compute in; None: bfloat16 where the device multiplies it in hardware, else float32.
        only: of the packs' models load these alone, and what they cannot do without.

    Raises:
        CardError: a pack, card or weight file is wrong, a network does not pass the gate, a prior's encoder is missing or gives other
            codes, a card sets options that no method has, or `default_prior` or a name in `only` is unknown.
    """
    if dtype is None:
        dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    installed = _installed(_chosen(packs, only), packs, device, dtype)
    networks, generators, missing = installed.networks, installed.generators, installed.missing
    for network in own:
        moved = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        checked = gate.recheck(moved)
        installed.note(checked)
        networks[network.name] = laid_out(checked)
    for name, generator in list(generators.items()):
        assert generator.card.code is not None
        encoder = generator.card.code.encoder
        if not encoder or encoder in networks:
            continue
        if encoder not in missing:
            raise CardError(f"{name}: its encoder {encoder} is not among the models")
        missing[name] = f"{name}: its encoder is missing: {missing[encoder]}"
        del generators[name]
    for why in missing.values():
        log.warning("not served: %s", why)
    if not generators and only is None:
        raise CardError("no prior among the models: nothing could be synthesized")
    prior = default_prior or ("upconv64-fc6" if "upconv64-fc6" in generators else next(iter(sorted(generators)), ""))
    if prior and prior not in generators:
        raise CardError(missing.get(prior) or f"default prior {prior!r} is not loaded; there are {', '.join(sorted(generators))}")
    patches = [pack / PATCH_FILE for pack in packs if (pack / PATCH_FILE).is_file()]
    patch_set = PatchSet.load(patches[-1]) if patches else None
    settled = default_prior is not None
    loaded = Catalog(
        networks,
        generators,
        prior,
        dtype,
        patch_set,
        missing,
        settled,
        load_seconds=installed.seconds,
        filters=installed.filters,
        pooling=installed.pooling,
    )
    for name, network in loaded.encoders.items():
        _check_code(generators[name], network)
    for generator in generators.values():
        _check_options(generator)
    return loaded


def _chosen(packs: Sequence[Path], only: Collection[str] | None) -> list[str]:
    """The names of the packs' models that are to be loaded: all, or those in `only` with their encoders."""
    if only is None:
        return dgnam_models.names(packs)
    cards = dgnam_models.cards(packs)
    if unknown := sorted(set(only) - cards.keys()):
        raise CardError(f"there is no model {', '.join(unknown)}; there are {', '.join(sorted(cards))}")
    encoders = {code.encoder for name in only if (code := cards[name].code) is not None and code.encoder}
    return sorted({*only, *encoders})


@dataclass(frozen=True)
class _Installed:
    """What was loaded, by name; of models whose weights are not installed, how to get them; how many seconds each took; first layers;
    and which have max pooling."""

    networks: dict[str, Network] = field(default_factory=dict)
    generators: dict[str, Generator] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    filters: dict[str, Filters] = field(default_factory=dict)
    pooling: set[str] = field(default_factory=set)

    def note(self, network: Network) -> None:
        """Keep what its first convolution looks like, as layers that are laid out for a processor no longer tell their weights; and
        whether it has max pooling."""
        if not network.card.forward_only and has_max_pooling(network):
            self.pooling.add(network.name)
        try:
            self.filters[network.name] = first_layer(network)
        except DataError as error:
            log.info("no first-layer filters: %s", error)


def _installed(names: Sequence[str], packs: Sequence[Path], device: torch.device, dtype: torch.dtype) -> _Installed:
    """The packs' networks and generators of these names."""
    found = _Installed()
    for number, name in enumerate(names, 1):
        started = time.monotonic()
        try:
            model = dgnam_models.load(name, device, packs, dtype)
        except NotInstalled as error:
            found.missing[name] = str(error)
            continue
        if isinstance(model, Generator):
            found.generators[name] = lay_out_(model)
        else:
            model = model if dgnam_models.is_bundled(name, packs) else gate.recheck(model)
            found.note(model)
            found.networks[name] = lay_out_(model)
        found.seconds[name] = time.monotonic() - started
        log.info("loaded %s, %d of %d, in %.1f s", name, number, len(names), found.seconds[name])
    return found


def _check_code(generator: Generator, encoder: Network) -> None:
    """The generator's codes must be the encoder's activations."""
    code = generator.card.code
    assert code is not None
    shapes = {tap.name: tap.shape for tap in encoder.card.taps}
    if code.tap not in shapes:
        raise CardError(f"{generator.name}: its encoder {code.encoder} has no tap {code.tap}")
    if math.prod(shapes[code.tap]) != generator.code_size:
        raise CardError(
            f"{generator.name}: code of {generator.code_size} units, but {code.encoder}:{code.tap} has shape {shapes[code.tap]}"
        )


def _check_options(generator: Generator) -> None:
    """The card's defaults must be of methods that draw with a prior, and in their ranges."""
    for name, options in generator.card.options.items():
        method = METHODS.get(name)
        if method is None or not method.draws_with_a_generator:
            raise CardError(f"{generator.name}: options.{name}: no method of this name draws with a prior")
        if wrong := method.problems(options):
            raise CardError(f"{generator.name}: " + "; ".join(f"options.{name}.{problem}" for problem in wrong))
