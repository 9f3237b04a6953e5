"""Directions in a file are units of a tap of their own."""

from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import CardError, Network, directions, pack
from dgnam_models.commands import main
from safetensors.torch import save_file

NETWORK = "alexnet64"


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize(("key", "turned"), [("W_dec", False), ("decoder.weight", True), ("anything", False), ("anything", True)])
def test_a_direction_is_addressed_like_a_unit(key: str, turned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    channels = next(tap.shape[0] for tap in dgnam_models.cards()[NETWORK].taps if tap.name == "conv5")
    rows = torch.randn(40, channels, generator=torch.Generator().manual_seed(0))
    file, folder = tmp_path / "sae.safetensors", tmp_path / "mine"
    save_file({key: rows.T.contiguous() if turned else rows, "b_dec": torch.zeros(channels)}, file)
    told = ("import", "directions", file, "--network", NETWORK, "--tap", "conv5", "--into", folder)
    assert run(*told) == 0
    assert "alexnet64:sae: 40 directions of alexnet64:conv5, addressed as alexnet64:sae:0. Serve them with" in capsys.readouterr().out
    assert run(*told) == 2 and run(*told, "--over") == 0

    network = dgnam_models.load(NETWORK, packs=[folder])
    assert isinstance(network, Network) and pack.problems(network) == []
    names = [tap.name for tap in network.card.taps]
    assert names.index("sae") == names.index("conv5") + 1
    image = torch.rand(2, 3, *network.input_size, requires_grad=True)
    found = network.activations(image, ["conv5", "sae", "fc8"])
    torch.testing.assert_close(found["sae"], torch.einsum("uc,bchw->buhw", rows, found["conv5"]), rtol=1e-4, atol=1e-4)
    (gradient,) = torch.autograd.grad(found["sae"][:, 17].sum(), image)
    assert gradient.isfinite().all() and gradient.any()
    assert network.at((64, 64)).card.taps == network.card.taps
    assert "sae" not in [tap.name for tap in dgnam_models.load("resnet64", packs=[folder]).card.taps]


def test_what_does_not_fit_is_refused_with_what_is_there(tmp_path: Path) -> None:
    card = dgnam_models.cards()[NETWORK]
    file = tmp_path / "sae.safetensors"
    for tensors, tap, name, message in (
        ({"a": torch.ones(4, 7)}, "conv5", "sae", r"directions of the shape \(4, 7\); those of alexnet64:conv5 are \(units, "),
        ({"a": torch.ones(4, 7), "b": torch.ones(4, 7)}, "conv5", "sae", r"say with --tensor which of these .* a \(4, 7\), b \(4, 7\)"),
        ({"a": torch.ones(4, 7)}, "conv9", "sae", "alexnet64 has no tap 'conv9'"),
        ({"a": torch.full((4, 96), torch.nan)}, "conv5", "sae", "not finite|of the shape"),
        ({"a": torch.ones(4, card.taps[0].shape[0])}, card.taps[0].name, "fc8", "'fc8' cannot be the name of directions of alexnet64"),
        ({"a": torch.ones(4, card.taps[0].shape[0])}, card.taps[0].name, "a b", "'a b' cannot be the name of directions"),
    ):
        save_file(tensors, file)
        with pytest.raises(CardError, match=message):
            directions.write(file, tmp_path / "mine", card, tap, name)
    file.write_bytes(b"nothing")
    with pytest.raises(CardError, match="cannot be read as safetensors"):
        directions.write(file, tmp_path / "mine", card, "conv5", "sae")
    assert not (tmp_path / "mine").exists()
