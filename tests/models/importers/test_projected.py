"""A generator of projected training becomes a prior that draws the same."""

from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import CardError, Generator, pack, statistics
from dgnam_models.importers import projected
from dgnam_models.weight_layout import LaidOut, lay_out_
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu

FEATURES, REDUCED, HIDDEN, CHANNELS, MAPS = 6, 5, 9, (8, 7, 4), 2


def trained() -> dict[str, Tensor]:
    """Random tensors by the names that the training gives them."""
    random = torch.Generator().manual_seed(0)

    def weight(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random) / torch.tensor(shape[1:]).prod().sqrt()

    def norm(name: str, size: int) -> dict[str, Tensor]:
        values = {"weight": torch.rand(size, generator=random) + 0.5, "bias": weight(size, 4)[:, 0]}
        values |= {"running_mean": weight(size, 4)[:, 0], "running_var": torch.rand(size, generator=random) + 0.5}
        return {f"{name}.{key}": value for key, value in values.items()} | {f"{name}.num_batches_tracked": torch.tensor(3)}

    state = {"a.weight": weight(REDUCED, FEATURES, 1, 1), "f1.weight": weight(HIDDEN, 4 * REDUCED)}
    state |= {"f2.weight": weight(16 * CHANNELS[0], HIDDEN), "sk.weight": weight(REDUCED, CHANNELS[0], 4, 4)}
    state |= norm("na", REDUCED) | norm("n1", HIDDEN) | norm("n2", 16 * CHANNELS[0]) | norm("nsk", CHANNELS[0])
    for i, (inputs, outputs) in enumerate(pairwise(CHANNELS)):
        state |= {f"up.{i}.weight": weight(inputs, outputs, 4, 4), f"cv.{i}.weight": weight(outputs, outputs, 3, 3)}
        state |= {f"gr.{i}": weight(outputs, MAPS), f"z{i}": torch.randn(MAPS, 8 << i, 8 << i, generator=random)}
        state |= norm(f"un.{i}", outputs) | norm(f"cn.{i}", outputs)
        state[f"nm{i}"] = 1 / conv2d(torch.ones(1, 1, 8 << i, 8 << i), kernel(), padding=1)
    return state | {"rgb.weight": weight(3, CHANNELS[-1], 3, 3), "rgb.bias": weight(3, 2)[:, 0], "k": kernel()}


def kernel() -> Tensor:
    line = torch.tensor([0.25, 0.5, 0.25])
    return torch.outer(line, line)[None, None]


def drawn(s: dict[str, Tensor], code: Tensor) -> Tensor:
    """What the training's own generator draws in evaluation mode, written out."""

    def norm(name: str, x: Tensor) -> Tensor:
        return batch_norm(x, *(s[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")))

    x = leaky_relu(norm("na", conv2d(code.view(-1, FEATURES, 2, 2), s["a.weight"])), 0.2)
    hidden = leaky_relu(norm("n1", x.flatten(1) @ s["f1.weight"].T), 0.2)
    seed = norm("n2", hidden @ s["f2.weight"].T).view(-1, CHANNELS[0], 4, 4)
    x = leaky_relu(seed + norm("nsk", conv_transpose2d(x, s["sk.weight"], stride=2, padding=1)), 0.2)
    for i, outputs in enumerate(CHANNELS[1:]):
        x = conv_transpose2d(x, s[f"up.{i}.weight"], stride=2, padding=1)
        x = conv2d(x, s["k"].expand(outputs, 1, 3, 3), padding=1, groups=outputs) * s[f"nm{i}"]
        x = leaky_relu(norm(f"un.{i}", x) + torch.einsum("cm,mhw->chw", s[f"gr.{i}"], s[f"z{i}"]), 0.2)
        x = leaky_relu(x + norm(f"cn.{i}", conv2d(x, s[f"cv.{i}.weight"], padding=1)), 0.2)
    return conv2d(x, s["rgb.weight"], s["rgb.bias"], padding=1) * 0.5 + 0.5


def test_the_folded_generator_draws_what_was_trained() -> None:
    module, parameters = projected.folded(trained())
    assert parameters == {"code": 24, "reduced": 5, "hidden": 9, "channels": [8, 7, 4], "grain": 2}
    code = torch.rand(3, 24, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(module(code) * 0.5 + 0.5, drawn(trained(), code), rtol=1e-4, atol=1e-5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tensors = {f"g.{key}": value.contiguous() for key, value in trained().items()} | {"h.0.critic": torch.zeros(2)}
    save_file(tensors, tmp_path / "trained.safetensors")
    return tmp_path / "trained.safetensors"


def test_it_becomes_a_prior_of_the_encoder_it_was_trained_with(file: Path, tmp_path: Path) -> None:
    codes = torch.rand(50, 24, generator=torch.Generator().manual_seed(2)) * 3
    known = statistics.of_codes([codes], components=4)
    card, weights = projected.prior(file, "mine", known, licence="ours", training={"photographs": 7})
    pack.write(tmp_path / "pack", card, weights)
    prior = dgnam_models.load("mine", packs=[tmp_path / "pack"])
    assert isinstance(prior, Generator) and pack.problems(prior) == []
    code = prior.card.code
    assert code is not None and (code.encoder, code.tap, code.encoder_size) == ("efficientnet-lite0", "head2x2", (128, 128))
    assert (prior.card.licence, prior.card.training, prior.image_size, prior.card.fit) == ("ours", {"photographs": 7}, (16, 16), "resize")
    torch.testing.assert_close(prior.code_mean, codes.mean(0))
    torch.testing.assert_close(prior.code_std, codes.std(0))
    torch.testing.assert_close(prior.code_statistics["components"], known["components"], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(prior(codes[:3]), drawn(trained(), codes[:3]), rtol=0.01, atol=0.01)  # float16
    laid_out = lay_out_(deepcopy(prior))
    assert any(isinstance(part, LaidOut) for part in laid_out.modules())
    torch.testing.assert_close(laid_out(codes[:3]), prior(codes[:3]), rtol=1e-4, atol=1e-4)


def test_other_files_are_refused(file: Path, tmp_path: Path) -> None:
    known = {"mean": torch.zeros(24), "std": torch.ones(24)}
    save_file({"g.a.weight": torch.zeros(2, 2, 1, 1)}, tmp_path / "half.safetensors")
    for path in (tmp_path / "half.safetensors", tmp_path / "nowhere.safetensors", Path(__file__)):
        with pytest.raises(CardError, match=f"{path.name} holds no generator of upconv2x2"):
            projected.prior(path, "mine", known)
    tensors = {f"g.{key}": value.contiguous() for key, value in trained().items()}
    tensors["g.rgb.bias"] = torch.tensor([1e6, 0, 0])
    save_file(tensors, file)
    with pytest.raises(CardError, match="to_image.bias is beyond float16"):
        projected.prior(file, "mine", known)
