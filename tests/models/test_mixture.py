"""A mixture fitted to codes is the one they were drawn from, and gets into a prior's file."""

from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import CardError, Generator, code_prior, mixture, pack
from dgnam_models.commands import main
from tiny_cards import CARD, PRIOR, prior_weights, weights

CENTRES = torch.tensor([[9.0, 0.0, 0.0, 5.0], [0.0, 9.0, 0.0, 5.0], [0.0, 0.0, 9.0, 5.0]])
SPREAD = torch.tensor([[0.5, 0.0, 0.0], [0.3, 0.2, 0.0], [0.0, 0.0, 0.4]])
SHARES = (0.2, 0.3, 0.5)


def codes(count: int = 3000) -> torch.Tensor:
    """About three centres, which differ as their noise does in three of four units."""
    random = torch.Generator().manual_seed(0)
    centre = torch.multinomial(torch.tensor(SHARES), count, True, generator=random)
    noise = torch.randn(count, 3, generator=random) @ SPREAD.T
    return CENTRES[centre] + torch.nn.functional.pad(noise, (0, 1))


def test_a_known_mixture_is_recovered() -> None:
    given = codes()
    mean = torch.tensor([0.1, 0.2, 0.3, 5.0])  # as a prior's file may have it, of other photographs
    found = mixture.fit(lambda: given.split(700), mean, 3, 3)
    assert sorted(found) == sorted(code_prior.MIXTURE)
    places = mean + found["centres"] @ found["components"]
    order = places[:, :3].argmax(1).argsort()
    torch.testing.assert_close(places[order], CENTRES, rtol=0, atol=0.05)
    torch.testing.assert_close(found["weights"][order], torch.tensor(SHARES), rtol=0, atol=0.03)
    covariance = found["components"].T @ found["spread"] @ found["spread"].T @ found["components"]
    torch.testing.assert_close(covariance[:3, :3], SPREAD @ SPREAD.T, rtol=0, atol=0.02)
    again = mixture.fit(lambda: given.split(3000), mean, 3, 3)
    torch.testing.assert_close(again["spread"].abs(), found["spread"].abs(), rtol=1e-2, atol=1e-3)


def test_codes_that_do_not_vary_along_a_component_have_a_factor_too() -> None:
    found = mixture.fit(lambda: [CENTRES.repeat(5, 1)], CENTRES.mean(0), 4, 3)
    assert found["spread"].isfinite().all() and (found["spread"].half().diag() > 0).all()


def test_more_centres_than_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="31 centres cannot be found among 30 codes"):
        mixture.fit(lambda: [codes(30)], torch.zeros(4), 2, 31)


def test_the_command_adds_it_to_the_priors_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = pack.write(tmp_path, PRIOR, prior_weights())
    np.save(tmp_path / "codes.npy", codes().half().view(2, 1500, 4).numpy())
    arguments = ["mixture", "prior", "--codes", str(tmp_path / "codes.npy"), "--into", str(tmp_path), "--components", "3", "--centres", "3"]
    assert main(arguments) == 0
    assert "prior: 3 centres over 3 components of 3000 codes" in capsys.readouterr().out
    prior = dgnam_models.load("prior", packs=[tmp_path])
    assert isinstance(prior, Generator) and prior.card.sha256 != before.sha256
    assert prior.card.training["mixture"] == {"codes": 3000, "components": 3, "centres": 3, "seed": 0}
    assert PRIOR.code is not None and prior.code_mean.tolist() == pytest.approx(PRIOR.code.mean), "the bounds are what they were"
    assert code_prior.of(prior).is_mixture
    assert main(arguments) == 0, "in place of the one that is there"
    assert main([*arguments, "--centres", "4000"]) == 2
    assert "4000 centres cannot be found among 3000 codes" in capsys.readouterr().err
    np.save(tmp_path / "codes.npy", np.zeros((9, 5), np.float32))
    assert main(arguments) == 2
    assert "has codes of 5 units; the prior's have 4" in capsys.readouterr().err


def test_photographs_have_codes_only_through_an_encoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack.write(tmp_path, PRIOR, prior_weights())
    assert main(["mixture", "prior", "--data", str(tmp_path), "--into", str(tmp_path)]) == 2
    assert "so photographs have none; give --codes" in capsys.readouterr().err


def test_what_cannot_hold_a_mixture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="nobody.toml is not there"):
        mixture.add(tmp_path, "nobody", {}, {})
    pack.write(tmp_path, CARD, weights())
    with pytest.raises(CardError, match="net is a classifier"):
        mixture.add(tmp_path, "net", {}, {})
    pack.write(tmp_path, PRIOR, prior_weights())
    (tmp_path / "weights" / "prior.safetensors").write_bytes(b"other")
    with pytest.raises(CardError, match="damaged or replaced"):
        mixture.add(tmp_path, "prior", {}, {})
