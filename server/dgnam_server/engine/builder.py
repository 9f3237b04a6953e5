"""Builder: checked requests -> work, with what the catalog has for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from dgnam_models.code_prior import CHUNK
from dgnam_models.preprocess import FITS

from dgnam_server.analysis import PROJECTIONS
from dgnam_server.analysis.attribution import Settings
from dgnam_server.analysis.invariance import Change, Colour
from dgnam_server.analysis.occlusion import Square
from dgnam_server.analysis.projection import Wanted
from dgnam_server.catalog import Catalog
from dgnam_server.engine import draw_cache
from dgnam_server.engine.draw_cache import DrawCache
from dgnam_server.engine.kinds.activations import Activations, Place
from dgnam_server.engine.kinds.drawing import Drawing
from dgnam_server.engine.kinds.invariance import Invariance
from dgnam_server.engine.kinds.occlusion import Occlusion
from dgnam_server.engine.kinds.projection import Projection
from dgnam_server.engine.kinds.spectrum_drawing import SpectrumDrawing
from dgnam_server.engine.kinds.synthesis import Draws, Synthesis, SynthesisKey
from dgnam_server.engine.load import EngineLimits
from dgnam_server.search import space as search_space
from dgnam_server.search.searches import Unusable
from dgnam_server.search.space import Space
from dgnam_server.search.spec import SearchSpec
from dgnam_server.synth import draws, memory, problem
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.priors import PARAMETRISATIONS, FourierPrior, GeneratorPrior, Prior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import SynthesisSpec


@dataclass(frozen=True, eq=False)
class ProjectionSpec:
    """A checked request for projections: see `Projection`.

    Attributes:
        positions: of each picture the one to keep in place of those that `wanted` says; none: all as `wanted` says.
    """

    pictures: Sequence[np.ndarray]
    model: str
    tap: str
    layer: str | None
    wanted: Wanted
    method: str
    settings: Settings
    strict: bool = False
    positions: Sequence[tuple[int, int] | None] = ()

    def of_picture(self, number: int) -> Wanted:
        """What to keep of one picture."""
        return replace(self.wanted, position=self.positions[number]) if self.positions else self.wanted


@dataclass(frozen=True, eq=False)
class OcclusionSpec:
    """A checked request for occlusion: see `Occlusion`."""

    pictures: Sequence[np.ndarray]
    model: str
    tap: str
    unit: int | None
    class_: int | None
    square: Square
    strict: bool = False


@dataclass(frozen=True, eq=False)
class InvarianceSpec:
    """A checked request for invariance: see `Invariance`."""

    pictures: Sequence[np.ndarray]
    model: str
    taps: tuple[str, ...]
    class_: int | None
    changes: tuple[Change, ...]
    colour: Colour
    strict: bool = False


class Builder:
    """Makes work of requests that were checked: every name in them is the catalog's. Any thread may call it.

    Args:
        device: where the catalog's models are.
        draw_bytes: memory for judging draws and for what is known of them.
    """

    def __init__(self, catalog: Catalog, device: torch.device, draw_bytes: int = EngineLimits().draw_bytes) -> None:
        self.catalog, self.device = catalog, device
        cached = min(draw_cache.MOST_BYTES, draw_bytes // 2)
        self._draws, self._look_bytes = DrawCache(cached), draw_bytes - cached
        self._drawn_values = {name: memory.drawn_values(generator) for name, generator in catalog.generators.items()}

    def synthesis(self, spec: SynthesisSpec) -> Synthesis:
        """The variants of `spec`."""
        structure = METHODS[spec.method].structure(spec.settings)
        size = (0, 0) if spec.prior else spec.size  # a prior's pictures are brought to their size when they are done
        key = SynthesisKey(structure, spec.prior, size, problem.sources(spec), spec.balance, spec.fit, spec.strict)
        networks = [self.catalog.networks[term.unit.model] for term in spec.terms]
        size = self.catalog.generators[spec.prior].image_size if spec.prior else spec.size
        drawn_values = self._drawn_values.get(spec.prior, 0)
        free = self._look_bytes - CHUNK * sum(map(self._map_bytes, {draws.place_of(term) for term in spec.terms}))
        at_once = max(1, free // memory.look_bytes(networks, size, drawn_values))
        row_bytes = memory.row_bytes(networks, size, drawn_values)
        return Synthesis(spec, key, size, row_bytes, self.device, lambda: self._problem(key), Draws(self._draws, at_once))

    def _map_bytes(self, place: draws.Place) -> int:
        """What stays of one draw while its chunk is judged: whole maps, where they are wanted."""
        model, tap = place.source
        shapes = {tap.name: tap.shape for tap in self.catalog.networks[model].card.taps}
        return memory.array_bytes(*shapes[tap]) if place.whole else 0

    def drawing(self, prior: str, codes: np.ndarray) -> Drawing:
        """The pictures that `prior` draws of codes (N, D) float32, at least one, D being its code's size."""
        generator = self.catalog.generators[prior]
        assert len(codes) and codes.shape == (len(codes), generator.code_size), f"{codes.shape} for {generator.code_size} units"
        return Drawing(codes, generator, memory.array_bytes(self._drawn_values[prior]))

    def spectrum_drawing(self, size: tuple[int, int], codes: np.ndarray) -> SpectrumDrawing:
        """The pictures of `size` (height, width) with these spectra, codes (N, D) float32 of a FourierPrior."""
        return SpectrumDrawing(codes, FourierPrior(size, self.device))

    def activations(self, pictures: Sequence[np.ndarray], places: Sequence[Place]) -> Activations:
        """What pictures, each (H, W, 3) float32 RGB in [0, 1], give at places that are in their taps' bounds; at least one of each.

        A picture of the network's input size is seen as it is, any other is resized to it as a whole, its proportions too.
        """
        assert pictures and places
        networks = {name: self.catalog.networks[name] for name in sorted({place.model for place in places})}
        sizes = [network.input_size for network in networks.values()] + [picture.shape[:2] for picture in pictures]
        largest = max(height for height, _ in sizes), max(width for _, width in sizes)
        return Activations(pictures, places, networks, memory.row_bytes(networks.values(), largest), self.device)

    def space(self, spec: SearchSpec) -> Space:
        """What a search searches.

        Raises:
            Unusable: its prior is not loaded, or has other weights than it was begun with.
        """
        if not spec.prior:
            return search_space.of_spectrum(FourierPrior(spec.size, self.device))
        generator = self.catalog.generators.get(spec.prior)
        if generator is None:
            raise Unusable(f"its prior {spec.prior} is not loaded here: have the server load it")
        if generator.card.sha256 != spec.prior_digest:
            raise Unusable(f"its prior {spec.prior} has other weights here: have the server load those of digest {spec.prior_digest[:12]}")
        return search_space.of_prior(generator, components=spec.axes == "components")

    def projection(self, asked: ProjectionSpec) -> Projection:
        """The projections of photographs that have the network's input size."""
        network = self.catalog.networks[asked.model]
        return Projection(
            asked.pictures,
            network,
            asked.tap,
            asked.layer,
            [asked.of_picture(number) for number in range(len(asked.pictures))],
            PROJECTIONS[asked.method],
            asked.settings,
            memory.row_bytes([network], network.input_size),
            self.device,
            asked.strict,
        )

    def occlusion(self, asked: OcclusionSpec) -> Occlusion:
        """The occlusion of pictures that have the network's input size."""
        network = self.catalog.networks[asked.model]
        row_bytes = memory.row_bytes([network], network.input_size)
        return Occlusion(
            asked.pictures, network, asked.tap, asked.unit, asked.class_, asked.square, row_bytes, self.device, strict=asked.strict
        )

    def invariance(self, asked: InvarianceSpec) -> Invariance:
        """The invariance of what pictures that have the network's input size give."""
        network = self.catalog.networks[asked.model]
        row_bytes = memory.row_bytes([network], network.input_size)
        what = asked.taps, asked.class_, asked.changes, asked.colour
        return Invariance(asked.pictures, network, *what, row_bytes, self.device, strict=asked.strict)

    def _problem(self, key: SynthesisKey) -> Problem:
        networks = tuple(self.catalog.networks[name] for name in sorted({model for model, _ in key.sources}))
        return Problem(self._prior(key), networks, key.sources, key.balance, key.structure, FITS[key.fit.value], self.catalog.patches)

    def _prior(self, key: SynthesisKey) -> Prior:
        if not key.prior:
            return PARAMETRISATIONS[key.structure.prior](key.size, self.device)
        return GeneratorPrior(self.catalog.generators[key.prior], self.catalog.encoders.get(key.prior))
