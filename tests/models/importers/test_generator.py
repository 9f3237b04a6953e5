"""Generators of one's own: what they become, and what is refused with both shapes."""

from pathlib import Path

import dgnam_models
import numpy as np
import onnx_files
import onnxruntime
import pytest
import torch
from dgnam_models import CardError, Generator, nets, pack
from dgnam_models.commands import main
from dgnam_models.importers import generator
from dgnam_models.importers.generator import Range
from PIL import Image
from safetensors.torch import save_file


def gan(path: Path, code: int = 5, batch: int | str = "batch", channels: int = 3, shape: tuple[int, ...] = (1, 1)) -> Path:
    """A small generator as DCGAN has it: codes (B, D, 1, 1), two deconvolutions, tanh; 16 x 16 pictures."""
    draft = onnx_files.Draft((batch, code, *shape), "z")
    sizes = ((code, 6, 4, 1, 0), (6, channels, 4, 4, 0))
    for index, (inputs, outputs, kernel, stride, pad) in enumerate(sizes):
        reads = "z" if not index else "relu0"
        weight = draft.weight(f"w{index}", inputs, outputs, kernel, kernel)
        draft.node("ConvTranspose", f"{reads} {weight}", f"up{index}", strides=[stride] * 2, pads=[pad] * 4)
        draft.node("Relu" if not index else "Tanh", f"up{index}", f"relu{index}")
    return draft.write(path, "relu1")


def load(card: dgnam_models.ModelCard, weights: pack.Weights, folder: Path) -> Generator:
    pack.write(folder / "pack", card, weights)
    model = dgnam_models.load(card.name, packs=[folder / "pack"])
    assert isinstance(model, Generator) and pack.problems(model) == []
    return model


@pytest.mark.parametrize(("batch", "channels"), [("batch", 3), (1, 1)])
def test_an_onnx_generator_becomes_a_prior(batch: int | str, channels: int, tmp_path: Path) -> None:
    file = gan(tmp_path / "gan.onnx", batch=batch, channels=channels)
    model = load(*generator.prior(file, "gan", code=Range.between([-2.0] * 5, [4.0] * 5), fit="resize"), tmp_path)
    assert model.card.code is not None and model.card.code.signed and model.card.fit == "resize"
    torch.testing.assert_close(model.code_mean + 3 * model.code_std, torch.full((5,), 4.0))
    code = torch.randn(3, 5, requires_grad=True)
    image = model(code)
    session = onnxruntime.InferenceSession(file)
    wanted = np.concatenate([session.run(None, {"z": row.detach().view(1, 5, 1, 1).numpy()})[0] for row in code]) / 2 + 0.5
    torch.testing.assert_close(image.detach(), torch.from_numpy(wanted).expand(-1, 3, -1, -1), rtol=1e-4, atol=1e-5)
    assert torch.autograd.grad(image.sum(), code)[0].flatten(1).any(1).all()


def test_statistics_of_an_encoder_make_a_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`statistics`, then `import generator` of safetensors with it: the card has the codes' mean and deviation, and whose they are."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    (tmp_path / "photographs" / "noise").mkdir(parents=True)
    for index, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / "photographs" / "noise" / f"{index}.png")
    statistics, weights = tmp_path / "fc6.safetensors", tmp_path / "g.safetensors"
    told = ["statistics", "alexnet64", "fc6", "--data", str(tmp_path / "photographs"), "--out", str(statistics)]
    assert main(told) == 0
    assert "1024 units of alexnet64:fc6 over 4 photographs" in capsys.readouterr().out
    small = {"code": 1024, "hidden": 8, "seed_channels": 4, "channels": [4, 4, 4, 4]}
    save_file(nets.build("upconv", small).state_dict(), weights)
    parameters = ["--parameter", "code=1024", "--parameter", "hidden=8", "--parameter", "seed_channels=4"]
    into = ["import", "generator", str(weights), "--architecture", "upconv", *parameters, "--into", str(tmp_path / "pack")]
    assert main([*into, "--parameter", "channels=[4, 4, 4, 4]", "--statistics", str(statistics), "--name", "mine"]) == 0
    assert "mine: prior, a code of 1024 units." in capsys.readouterr().out
    model = dgnam_models.load("mine", packs=[tmp_path / "pack"])
    assert isinstance(model, Generator) and model.card.code is not None
    assert (model.card.code.encoder, model.card.code.tap, model.image_size) == ("alexnet64", "fc6", (64, 64))
    encoder = dgnam_models.load("alexnet64")
    codes = encoder.activations(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255, ["fc6"])["fc6"]  # type: ignore[union-attr]
    torch.testing.assert_close(model.code_mean, codes.mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.code_std, codes.std(0), rtol=1e-4, atol=1e-5)


def test_ranges_as_texts(tmp_path: Path) -> None:
    file = tmp_path / "bounds.txt"
    for text, mean, std, signed in (
        ("3 6 9", (0, 0, 0), (1, 2, 3), False),  # as the published bounds are: one line
        ("3\n6\n9\n", (0, 0, 0), (1, 2, 3), False),
        ("-3 3\n0 6\n", (0, 3), (1, 1), True),
    ):
        file.write_text(text, encoding="utf-8")
        assert Range.read(file) == Range(mean, std, signed)
    for text in ("", "one two", "3 2\n1 0\n", "nan 2\n1 4\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(CardError):
            Range.read(file)


def test_what_does_not_fit_is_refused_with_both_shapes(tmp_path: Path) -> None:
    file = gan(tmp_path / "gan.onnx")
    with pytest.raises(CardError, match=r"takes codes of the shape \(5, 1, 1\), 5 units; the ranges given are for 4"):
        generator.prior(file, "gan", code=Range.between([0] * 4, [1] * 4))
    with pytest.raises(CardError, match=r"its output has the shape \(3, 2, 16, 16\); a picture has 1 or 3 channels"):
        generator.prior(gan(tmp_path / "two.onnx", channels=2), "gan", code=Range.between([0] * 5, [1] * 5))
    draft = onnx_files.Draft(("b", 5), "z")
    draft.node("Round", "z", "rounded")
    draft.node("Reshape", f"rounded {draft.constant('shape', [0, 1, 5, 1], np.int64)}", "image")
    with pytest.raises(CardError, match="its gradient is zero or not finite"):
        generator.prior(draft.write(tmp_path / "flat.onnx", "image"), "gan", code=Range.between([0] * 5, [1] * 5))
    weights = tmp_path / "g.safetensors"
    save_file(nets.build("upconv", {"code": 7, "hidden": 8, "seed_channels": 4, "channels": [4]}).state_dict(), weights)
    with pytest.raises(CardError, match="say with --architecture for what"):
        generator.prior(weights, "g", code=Range.between([0] * 7, [1] * 7))
    with pytest.raises(CardError, match="does not fit upconv"):
        generator.prior(weights, "g", code=Range.between([0] * 7, [1] * 7), architecture="upconv", parameters={"code": 9})
    # and at load, where somebody changed the card
    pack.write(tmp_path / "pack", *generator.prior(file, "gan", code=Range.between([0] * 5, [1] * 5)))
    card = tmp_path / "pack" / "cards" / "gan.toml"
    card.write_text(card.read_text().replace("    0.333333,\n", "", 1).replace("    0.0,\n", "", 1).replace("units = 5", "units = 4"))
    with pytest.raises(CardError, match=r"gan.onnx takes codes of the shape \(5, 1, 1\), 5 units; its card has bounds for 4"):
        dgnam_models.load("gan", packs=[tmp_path / "pack"])
