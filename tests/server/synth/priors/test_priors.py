"""Parametrisations: what they draw, what they start from, and that an image put in comes out again."""

import pytest
import torch
from dgnam_server.synth.priors import PARAMETRISATIONS, FourierPrior, PhasePrior

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", PARAMETRISATIONS)
@pytest.mark.parametrize("size", [(16, 16), (12, 18)])
def test_codes_are_rows_and_draw_pictures(name: str, size: tuple[int, int]) -> None:
    prior = PARAMETRISATIONS[name](size, CPU)
    code = torch.cat([prior.random_code(seed, {"noise": 0.3}) for seed in (1, 2)])
    image = prior.draw(code)
    assert code.ndim == 2
    assert image.shape == (2, 3, *size)
    torch.testing.assert_close(prior.draw(code[1:]), image[1:])
    assert torch.equal(prior.random_code(1, {"noise": 0.3}), code[:1])
    assert not torch.equal(prior.random_code(1 + 2**32, {"noise": 0.3}), code[:1])


@pytest.mark.parametrize("name", ["pixels", "fourier"])
def test_an_image_that_is_put_in_comes_out(name: str) -> None:
    image = 0.05 + 0.9 * torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    prior = PARAMETRISATIONS[name]((16, 20), CPU)
    torch.testing.assert_close(prior.draw(prior.encode(image)), image, rtol=1e-4, atol=1e-4)


def test_a_phase_keeps_where_things_are_and_no_frequency_grows() -> None:
    prior = PhasePrior((32, 32), CPU)
    image = torch.full((1, 3, 32, 32), 0.2)
    image[:, :, 10:20, 5:15] = 0.9
    again = prior.draw(prior.encode(image))
    assert torch.corrcoef(torch.stack([image.flatten(), again.flatten()]))[0, 1] > 0.6
    for seed in (0, 1):
        logit = prior.draw(prior.random_code(seed, {"noise": 3.0})).logit()
        plain = torch.einsum("cr,brhw->bchw", prior.colours.inverse(), logit)
        spectrum = torch.fft.rfft2(plain, norm="ortho").abs()[0]
        inner = (slice(None), slice(1, 16), slice(1, 16))  # the others stand for two frequencies, or are their own mirror image
        torch.testing.assert_close(spectrum[inner], prior.magnitude[inner], rtol=1e-3, atol=1e-4)


def test_fourier_is_the_published_parametrisation() -> None:
    """Lucid's, written out with numpy-like plainness: scale, inverse transform, a quarter, colours, sigmoid."""
    prior = FourierPrior((8, 8), CPU)
    code = torch.randn(1, 3 * 8 * 5 * 2, generator=torch.Generator().manual_seed(0))
    image = prior.draw(code)[0]
    values = torch.view_as_complex(code.view(3, 8, 5, 2))
    for row in range(8):
        for column in range(5):
            down, across = min(row, 8 - row) / 8, column / 8
            values[:, row, column] /= max((down**2 + across**2) ** 0.5, 1 / 8)
    plain = torch.fft.irfftn(values, s=(8, 8), norm="ortho") / 4
    root = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
    root = root / root.norm(dim=0).max()
    expected = torch.sigmoid((plain.permute(1, 2, 0) @ root.T).permute(2, 0, 1))
    torch.testing.assert_close(image, expected)
