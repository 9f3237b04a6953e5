"""Networks from elsewhere, served: Caffe's and ONNX's through the engine's own steps."""

import queue
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import caffe_files
import numpy as np
import onnx_files
import onnxruntime
import pytest
import torch
from dgnam_client import InvalidRequestError
from dgnam_models import CardError, Generator, Network, pack
from dgnam_models.card import Preprocessing
from dgnam_models.importers import caffe
from dgnam_models.importers import generator as generator_importer
from dgnam_models.importers import onnx as onnx_importer
from dgnam_models.importers.caffe import Subtraction
from dgnam_models.importers.generator import Range
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target as TargetMessage
from dgnam_proto.v1.target_pb2 import Term as TermMessage
from dgnam_proto.v1.target_pb2 import Unit as UnitMessage
from dgnam_server import Engine, catalog
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Failed, Finished
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc import catalog as catalog_service
from dgnam_server.rpc import request
from dgnam_server.rpc.errors import FailedPrecondition, Reason
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop, resize

IMAGENET = Subtraction((104.0, 117.0, 123.0))


def spec_for(*terms: Term, prior: str, steps: int) -> SynthesisSpec:
    settings = METHODS["dgn-am"].settings({"steps": steps, "start_learning_rate": 1.0})
    return SynthesisSpec(terms=terms, balance=Balance.NONE, prior=prior, method="dgn-am", settings=settings, seed=0)


def problem_of(spec: SynthesisSpec, generator: Generator, *networks: Network) -> Problem:
    structure = METHODS[spec.method].structure(spec.settings)
    return Problem(GeneratorPrior(generator), networks, sources(spec), spec.balance, structure, centre_crop)


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
    models = catalog.load([imported(tmp_path)], torch.device("cpu"), "g6", torch.float32, only=["g6"])
    spec = spec_for(Term(Unit("caffenet", tap, 3, position)), prior="g6", steps=60)
    problem = problem_of(spec, models.generators["g6"], models.networks["caffenet"])
    rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    history = rows.history[0, :, 0]
    assert history[-5:].mean() > history[1:6].mean() + 0.5 * history[1:6].std()  # the start is unclipped, and no code of a photograph
    assert rows.code.min() >= 0 and rows.code.max() <= 12.001
    assert seen.image.shape == (1, 3, 72, 72) and seen.image.isfinite().all()


def test_a_generator_that_does_not_fit_its_encoder_is_refused_with_both_shapes(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"g6: code of 24 units, but caffenet:relu6 has shape \(20,\)"):
        catalog.load([imported(tmp_path, code=24)], torch.device("cpu"), only=["g6"])


FORM = Preprocessing((20, 28))


def onnx_pack(folder: Path, *extra: str) -> Path:
    """A pack with one ONNX network, `net`; `extra` operators follow its logits."""
    draft, output = onnx_files.network(), "logits"
    for kind in extra:
        output = draft.node(kind, output, kind.lower())
    file = draft.write(folder / "net.onnx", output)
    pack.write(folder / "pack", *onnx_importer.classifier(file, "net", preprocessing=FORM))
    return folder / "pack"


def test_the_reported_activation_is_the_original_files(tmp_path: Path, tiny: Catalog) -> None:
    """The conversion is shifted on purpose: the history follows it, what is reported of the picture is onnxruntime's."""
    network = catalog.load([onnx_pack(tmp_path)], torch.device("cpu"), only=["net"]).networks["net"]
    network.module.module.Gemm_logits.bias.data += 100  # type: ignore[union-attr]
    terms = (Term(Unit("net", "logits", 3)), Term(Unit("tiny", "fc8", 2), 0.5), Term(Unit("net", "stem", 1, (2, 3))))
    spec = spec_for(*terms, prior="tiny-prior", steps=5)
    models = replace(tiny, networks={**tiny.networks, "net": network})
    work = Builder(models, torch.device("cpu")).synthesis(spec)
    lane = work.open()
    lane.join(0, work, 0)
    for _ in range(5):
        events = lane.step(tell=True)
    (done,) = [event.value for _, event in events if isinstance(event, Finished)]
    image = centre_crop(torch.from_numpy(done.image).permute(2, 0, 1)[None], FORM.size)
    fed = network.preprocess.encode(image).numpy()
    logits = onnxruntime.InferenceSession(tmp_path / "net.onnx").run(None, {"image": fed})[0]
    assert done.history[-1, 0] == pytest.approx(logits[0, 3] + 100, abs=1e-3)
    assert done.term_activations[0] == pytest.approx(logits[0, 3], rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(done.term_activations[1:], done.history[-1, 1:], rtol=1e-3, atol=1e-4)
    assert done.activation == pytest.approx(done.term_activations @ [1, 0.5, 1], rel=1e-5)


def test_activations_of_a_converted_network_and_of_one_without_gradients_are_the_original_files(tmp_path: Path) -> None:
    """The conversion of one is shifted on purpose, so it would be seen; the other has no conversion."""
    image = np.random.default_rng(0).random((*FORM.size, 3), dtype=np.float32)
    for name, extra in (("converted", ()), ("forward only", ("Round",))):
        folder = tmp_path / name
        folder.mkdir()
        models = catalog.load([onnx_pack(folder, *extra)], torch.device("cpu"), only=["net"])
        network = models.networks["net"]
        if not extra:
            network.module.module.Gemm_logits.bias.data += 100  # type: ignore[union-attr]
        tap = network.card.output_tap
        work = Builder(models, torch.device("cpu")).activations([image], [Place("net", tap), Place("net", "stem", 1, (2, 3))])
        lane = work.open()
        lane.join(0, work, 0)
        ((_, event),) = lane.step(tell=False)
        assert isinstance(event, Finished)
        fed = network.preprocess.encode(torch.from_numpy(image).permute(2, 0, 1)[None]).numpy()
        logits = onnxruntime.InferenceSession(folder / "net.onnx").run(None, {"image": fed})[0]
        np.testing.assert_allclose(event.value[0], logits[0], rtol=1e-4, atol=1e-5)
        stem = network.activations(torch.from_numpy(image).permute(2, 0, 1)[None], ["stem"])["stem"]
        assert event.value[1] == pytest.approx(float(stem[0, 1, 2, 3]), rel=1e-3, abs=1e-4)


def test_a_network_without_gradients_is_listed_and_refused_with_the_reason(tmp_path: Path) -> None:
    models = catalog.load([onnx_pack(tmp_path, "Round")], torch.device("cpu"), only=["net", "upconv64-fc6"])
    assert models.cards["net"].forward_only == "round: its gradient is zero"
    assert catalog_service.model(models.cards["net"], full=False).forward_only == "round: its gradient is zero"
    target = TargetMessage(terms=[TermMessage(unit=UnitMessage(model="net", tap="round", index=1))])
    for asked in (SynthesizeRequest(target=target), SynthesizePixelsRequest(target=target)):
        with pytest.raises(FailedPrecondition, match="net, which gives no usable gradients: round: its gradient is zero") as refused:
            request.read(Reader(models, Settings()), asked)
        assert refused.value.reason is Reason.NOT_DIFFERENTIABLE


def test_what_has_no_gradients_is_found_by_its_scores(tmp_path: Path) -> None:
    unit = "net:stem:1@2,3"
    with Engine.local(models=[onnx_pack(tmp_path, "Round")], only=["net"], state_dir=tmp_path, cache_dir=tmp_path) as engine:
        with pytest.raises(InvalidRequestError, match="no usable gradients"):
            engine.synthesize(unit)
        search = engine.search(size=FORM.size, optimizer="diagonal-cma", population=16, max_pictures=320, sigma=1.0, seed=1)
        for pictures in search:
            search.tell(engine.activations(pictures, unit))
        assert search.history[-1].mean > search.history[0].best


def gan_pack(folder: Path, fit: Literal["crop", "resize"], bounds: Range | None = None) -> Path:
    """A pack with an ONNX generator, `gan`: codes of 5 units from -2 to 2, 16 x 16 pictures."""
    draft = onnx_files.Draft(("batch", 5), "z")
    draft.node("Gemm", f"z {draft.weight('w', 5, 3 * 256)}", "flat")
    draft.node("Reshape", f"flat {draft.constant('shape', [-1, 3, 16, 16], np.int64)}", "maps")
    file = draft.write(folder / "gan.onnx", draft.node("Tanh", "maps", "image"))
    pack.write(folder / "pack", *generator_importer.prior(file, "gan", code=bounds or Range.between([-2.0] * 5, [2.0] * 5), fit=fit))
    return folder / "pack"


@pytest.mark.parametrize("fit", ["resize", "crop"])
def test_a_generator_of_ones_own_draws_within_its_range_for_networks_of_another_size(
    tmp_path: Path, fit: Literal["crop", "resize"]
) -> None:
    """16 x 16 pictures are enlarged for a 64 x 64 network, whatever the card says of larger ones; a signed code may go below zero, as far
    as above.
    """
    models = catalog.load([gan_pack(tmp_path, fit)], torch.device("cpu"), "gan", torch.float32, only=["gan", "alexnet64"])
    builder = Builder(models, torch.device("cpu"))
    engine = DeviceThread(typical(builder), EngineLimits(8, 2))
    engine.start()  # its profile draws with the default prior, which has no encoder
    done: queue.SimpleQueue[Finished] = queue.SimpleQueue()
    spec = spec_for(Term(Unit("alexnet64", "fc8", 3)), prior="gan", steps=30)
    try:
        engine.submit(builder.synthesis(spec), lambda event: done.put(event) if isinstance(event, Finished | Failed) else None)  # type: ignore[arg-type]
        event = done.get(timeout=100)
    finally:
        engine.drain(0)
    assert isinstance(event, Finished)
    result = event.value
    assert result.image.shape == (16, 16, 3)
    assert -2.001 <= result.code.min() < 0 < result.code.max() <= 2.001
    assert result.history[-1, 0] > result.history[0, 0]
    shown = resize(torch.from_numpy(result.image).permute(2, 0, 1)[None], (64, 64))
    assert float(models.networks["alexnet64"].logits(shown)[0, 3]) == pytest.approx(result.activation, rel=1e-3)


def test_a_signed_codes_bounds_are_around_its_mean(tmp_path: Path) -> None:
    models = catalog.load([gan_pack(tmp_path, "resize", Range.between([-1.0] * 5, [3.0] * 5))], torch.device("cpu"), only=["gan"])
    lower, upper = GeneratorPrior(models.generators["gan"]).bounds(torch.tensor([3.0, 1.5]))
    torch.testing.assert_close(lower, torch.tensor([[-1.0], [0.0]]).expand(2, 5))
    torch.testing.assert_close(upper, torch.tensor([[3.0], [2.0]]).expand(2, 5))


def test_a_code_that_is_no_networks_has_no_picture_to_start_from(tmp_path: Path) -> None:
    models = catalog.load([gan_pack(tmp_path, "resize")], torch.device("cpu"), only=["gan", "upconv64-fc6", "upconv128-lite0"])
    target = TargetMessage(terms=[TermMessage(unit=UnitMessage(model="alexnet64", tap="fc8", index=1))])
    with pytest.raises(FailedPrecondition, match="the codes of gan are no network's activations") as refused:
        request.read(Reader(models, Settings()), SynthesizeRequest(target=target, prior="gan", start_image=b"any"))
    assert refused.value.reason is Reason.NO_ENCODER
    with pytest.raises(FailedPrecondition, match="so no picture has one, and ppgn needs it: choose another prior"):
        request.read(Reader(models, Settings()), SynthesizeRequest(target=target, prior="gan", method="ppgn"))
    with pytest.raises(
        FailedPrecondition,
        match="diffusion needs a denoiser of codes, and gan has none; choose another prior: upconv128-lite0, upconv64-fc6",
    ) as refused:
        request.read(Reader(models, Settings()), SynthesizeRequest(target=target, prior="gan", method="diffusion"))
    assert refused.value.reason is Reason.NO_DENOISER


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_published_shapes_import_quickly_in_little_memory_and_run(tmp_path: Path) -> None:
    """CaffeNet for 227 x 227 and the fc6 generator of 256 x 256, random weights in real files: at most 20 s of processor time and twice
    the file in memory each, the libraries themselves left out.
    """
    net, drawer = tmp_path / "net", tmp_path / "generator"
    net.mkdir(), drawer.mkdir()
    (tmp_path / "bounds.txt").write_text("12 " * 4096, encoding="utf-8")
    classifier = caffe_files.caffenet(227, (96, 256, 384, 384, 256), 4096, 1000).write(net)
    generator = caffe_files.upconv((4096,), 4096, (256, 256, 128, 64, 32, 16)).write(drawer)
    fc6 = ["--encoder", "caffenet", "--tap", "relu6", "--bounds", tmp_path / "bounds.txt"]
    for name, files, more in (("caffenet", classifier, ["--mean", 104, 117, 123]), ("g6", generator, ["--mean", 104, 117, 123, *fc6])):
        told = ["import", "caffe", *files, "--name", name, "--into", tmp_path / "pack", *more]
        done = subprocess.run([sys.executable, "-c", MEASURED, *map(str, told)], capture_output=True, text=True, check=True)
        seconds, mebibytes = map(float, done.stdout.split()[-2:])
        file = files[1].stat().st_size / 2**20
        print(f"{name}: {file:.0f} MiB, {seconds:.1f} s, {mebibytes:.0f} MiB at most")
        assert seconds < 20 and mebibytes <= 2 * file + 32  # pages of the libraries that are first touched here
    models = catalog.load([tmp_path / "pack"], torch.device("cpu"), "g6", torch.float32)
    spec = spec_for(Term(Unit("caffenet", "fc8", 3)), prior="g6", steps=2)
    problem = problem_of(spec, models.generators["g6"], models.networks["caffenet"])
    rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    assert seen.image.shape == (1, 3, 256, 256) and seen.image.isfinite().all() and rows.history[0, :, 0].isfinite().all()


# Runs a dgnam-models command; prints its processor seconds, and by how many MiB memory grew at most meanwhile.
MEASURED = """
import sys, time
from pathlib import Path
from dgnam_models.commands import main
from dgnam_models.importers import caffe, generator, onnx, torchvision  # so that importing them is not measured

def memory(what):  # resource's own figure would begin with that of the process this one was forked from
    return int(Path("/proc/self/status").read_text().split(what + ":")[1].split()[0]) / 1024

before, started = memory("VmRSS"), time.process_time()
assert main(sys.argv[1:]) == 0
print(time.process_time() - started, memory("VmHWM") - before)
"""
