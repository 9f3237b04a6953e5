"""Builder: checked requests -> work, with what the catalog has for them."""

import torch

from dgnam_server.catalog import Catalog
from dgnam_server.engine.kinds.synthesis import Synthesis, SynthesisKey
from dgnam_server.synth import memory, problem
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.priors import PARAMETRISATIONS, GeneratorPrior, Prior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import SynthesisSpec
from dgnam_server.synth.transforms import centre_crop, resize


class Builder:
    """Makes work of requests that were checked: every name in them is the catalog's. Any thread may call it.

    Args:
        device: where the catalog's models are.
    """

    def __init__(self, catalog: Catalog, device: torch.device) -> None:
        self.catalog, self.device = catalog, device

    def synthesis(self, spec: SynthesisSpec) -> Synthesis:
        """The variants of `spec`."""
        structure = METHODS[spec.method].structure(spec.settings)
        key = SynthesisKey(structure, spec.prior, spec.size, problem.sources(spec), spec.balance, spec.strict)
        networks = [self.catalog.networks[term.unit.model] for term in spec.terms]
        row_bytes = 0 if spec.prior else memory.row_bytes(networks, spec.size)  # without a prior, callers choose the size
        return Synthesis(spec, key, row_bytes, self.device, lambda: self._problem(key))

    def _problem(self, key: SynthesisKey) -> Problem:
        networks = tuple(self.catalog.networks[name] for name in sorted({model for model, _ in key.sources}))
        cropped = key.prior and self.catalog.generators[key.prior].card.fit == "crop"
        fit = centre_crop if cropped else resize
        return Problem(self._prior(key), networks, key.sources, key.balance, key.structure, fit, self.catalog.patches)

    def _prior(self, key: SynthesisKey) -> Prior:
        if not key.prior:
            return PARAMETRISATIONS[key.structure.prior](key.size, self.device)
        generator = self.catalog.generators[key.prior]
        assert generator.card.code is not None
        return GeneratorPrior(generator, self.catalog.networks.get(generator.card.code.encoder))
