"""Networks from elsewhere, served: a Caffe classifier and its generator through the engine's own steps."""

from pathlib import Path

import caffe_files
import pytest
import torch
from dgnam_models import CardError, pack
from dgnam_models.importers import caffe
from dgnam_models.importers.caffe import Subtraction
from dgnam_server import catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

IMAGENET = Subtraction((104.0, 117.0, 123.0))


def imported(folder: Path, seed_side: int = 9, code: int = 20) -> Path:
    """A pack with a small CaffeNet for 67 x 67 pictures and a generator of its fc6 code, eight times `seed_side` large."""
    net, generator = folder / "net", folder / "generator"
    net.mkdir(), generator.mkdir()
    pack.write(folder / "pack", *caffe.classifier(*caffe_files.caffenet().write(net), "caffenet", subtraction=IMAGENET))
    bounds = folder / "bounds.txt"
    bounds.write_text("12 " * code, encoding="utf-8")
    files = caffe_files.upconv(code=(code,), seed_side=seed_side).write(generator)
    prior = caffe.generator(*files, "g6", subtraction=IMAGENET, encoder="caffenet", tap="relu6", bounds=bounds)
    pack.write(folder / "pack", *prior)
    return folder / "pack"


@pytest.mark.parametrize(("tap", "position"), [("fc8", None), ("conv5", (1, 1)), ("norm1", None)])
def test_dgn_am_on_imported_files(tap: str, position: tuple[int, int] | None, tmp_path: Path) -> None:
    """72 x 72 pictures, cropped to the network's 67 x 67: the unit's activation rises, and no code unit leaves its bounds."""
    models = catalog.load([imported(tmp_path)], torch.device("cpu"), "g6", torch.float32)
    spec = SynthesisSpec(
        terms=(Term(Unit("caffenet", tap, 3, position)),),
        balance=Balance.NONE,
        prior="g6",
        method="dgn-am",
        settings={"steps": 60, "start_learning_rate": 1.0, "end_learning_rate": 1e-10, "decay": 0.01, "bound_multiplier": 3.0},
        seed=0,
    )
    prior, networks = GeneratorPrior(models.generators["g6"]), (models.networks["caffenet"],)
    problem = Problem(prior, networks, sources(spec), spec.balance, DGN_AM.structure(spec.settings), centre_crop)
    rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    history = rows.history[0, :, 0]
    assert history[-5:].mean() > history[1:6].mean() + 0.5 * history[1:6].std()  # the start is unclipped, and no code of a photograph
    assert rows.code.min() >= 0 and rows.code.max() <= 12.001
    assert seen.image.shape == (1, 3, 72, 72) and seen.image.isfinite().all()


def test_a_generator_that_does_not_fit_its_encoder_is_refused_with_both_shapes(tmp_path: Path) -> None:
    for name, arguments, message in (
        ("code", {"code": 24}, r"g6: code of 24 units, but caffenet:relu6 has shape \(20,\)"),
        ("size", {"seed_side": 8}, r"g6 draws 64 x 64 pixels, but its encoder caffenet takes 67 x 67"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with pytest.raises(CardError, match=message):
            catalog.load([imported(folder, **arguments)], torch.device("cpu"))
