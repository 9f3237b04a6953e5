"""Points and codes: there and back, within the card's bounds, and as photographs have them."""

import numpy as np
import pytest
import torch
from dgnam_models import code_prior
from dgnam_server.catalog import Catalog
from dgnam_server.search import space
from dgnam_server.synth.priors import FourierPrior


@pytest.mark.parametrize(("components", "dimensions"), [(True, 6), (False, 24)])
def test_a_priors_codes(tiny: Catalog, components: bool, dimensions: int) -> None:
    prior = tiny.generators["tiny-prior"]
    searched = space.of_prior(prior, components)
    assert searched.dimensions == dimensions == space.dimensions(prior, (32, 32), components)
    points = np.random.default_rng(0).standard_normal((5, dimensions))
    steps = points * searched.scale
    plain = searched.mean + (steps if searched.directions is None else steps @ searched.directions)
    np.testing.assert_allclose(searched.points(plain), points, atol=2e-3)  # the directions are float32
    codes = searched.codes(points)
    assert codes.dtype == np.float32 and codes.shape == (5, 24)
    np.testing.assert_allclose(codes, plain.clip(searched.lower, searched.upper), rtol=1e-5, atol=1e-6)
    assert (codes != plain.astype(np.float32)).any(), "some are cut off"
    far = searched.codes(1e3 * points)
    known = code_prior.of(prior)
    assert (far >= known.lower.numpy() - 1e-6).all() and (far <= known.upper.numpy() + 1e-6).all()


def test_draws_deviate_by_about_one_along_components(tiny: Catalog) -> None:
    searched = space.of_prior(tiny.generators["tiny-prior"], components=True)
    points = searched.points(searched.draw(400, 0))
    np.testing.assert_array_equal(searched.draw(40, 0), searched.draw(400, 0)[:40])
    assert 0.3 < points.std() < 1.5, "codes of negative values are cut off"


def test_without_components_the_units_are_searched(tiny: Catalog) -> None:
    assert space.has_components(tiny.generators["tiny-prior"])
    assert space.dimensions(None, (64, 48), components=False) == 6 * 64 * 25


@pytest.mark.parametrize("size", [(64, 64), (40, 96)])
def test_noise_in_a_spectrum_is_as_contrasty_as_a_photograph(size: tuple[int, int]) -> None:
    prior = FourierPrior(size, torch.device("cpu"))
    searched = space.of_spectrum(prior)
    assert searched.dimensions == space.dimensions(None, size, components=False)
    images = prior.draw(torch.from_numpy(searched.codes(np.random.default_rng(0).standard_normal((16, searched.dimensions)))))
    assert 0.15 < images.std().item() < 0.3
    grey = prior.draw(torch.from_numpy(searched.codes(np.zeros((1, searched.dimensions)))))
    np.testing.assert_allclose(grey.numpy(), 0.5, atol=1e-6)
