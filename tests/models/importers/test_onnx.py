"""ONNX files: what passes the check is served as it is, what does not is served without gradients, and says why."""

import sys
from dataclasses import replace
from pathlib import Path

import dgnam_models
import numpy as np
import onnx
import onnx_files
import onnxruntime
import pytest
import torch
from dgnam_models import CardError, Network, pack
from dgnam_models.card import Preprocessing
from dgnam_models.commands import main
from dgnam_models.importers import onnx as importer
from dgnam_models.nets._onnx import Converted, Original
from onnx import TensorProto, numpy_helper
from torch import nn

FORM = Preprocessing((20, 28), "RGB", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def served(file: Path, folder: Path, form: Preprocessing = FORM, **options: object) -> Network:
    card, write = importer.classifier(file, "net", preprocessing=form, **options)  # type: ignore[arg-type]
    pack.write(folder / "pack", card, write)
    network = dgnam_models.load("net", packs=[folder / "pack"])
    assert isinstance(network, Network)
    assert pack.problems(network) == []
    return network


def runtime(file: Path, image: torch.Tensor, form: Preprocessing = FORM) -> torch.Tensor:
    """What onnxruntime says of the untouched file, picture by picture."""
    session = onnxruntime.InferenceSession(file)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (form.mean, form.std))
    rows = ((image - mean) / std).split(1)
    return torch.cat([torch.from_numpy(session.run(None, {session.get_inputs()[0].name: row.numpy()})[0]) for row in rows])


@pytest.mark.parametrize("batch", ["batch", 1])
def test_a_file_is_served_as_it_is_with_gradients_at_every_tap(batch: str | int, tmp_path: Path) -> None:
    """Batch normalization, a residual sum and a concatenation, on oblong pictures; with a free batch, and exported for one picture."""
    file = onnx_files.network((batch, 3, 20, 28)).write(tmp_path / "net.onnx", "probabilities")
    network = served(file, tmp_path, labels=list("abcdefg"))
    card = network.card
    assert (tmp_path / "pack" / "weights" / "net.onnx").read_bytes() == file.read_bytes()
    assert (card.output_tap, card.forward_only, card.labels[2]) == ("logits", "", "c")
    shapes = {tap.name: tap.shape for tap in card.taps}
    assert shapes["stem"] == (8, 10, 14) and shapes["joined"] == (10, 10, 14) and shapes["average"] == (10,) and len(shapes) == 14

    image = torch.rand(3, 3, 20, 28, generator=torch.Generator().manual_seed(3), requires_grad=True)
    found = network.activations(image, list(shapes))
    torch.testing.assert_close(found["probabilities"], runtime(file, image.detach()), rtol=1e-4, atol=1e-5)
    for tap, value in found.items():
        assert network.activations(image, [tap, "stem"])[tap].equal(value), "each tap is the same, asked for with no other"
        alone = network.activations(image, [tap])[tap]  # normalization is folded then, since nobody asks for "stem", and rounds otherwise
        torch.testing.assert_close(alone, value, msg="each tap is the same, asked for alone")
        (gradient,) = torch.autograd.grad((value * value.detach()).sum(), image, retain_graph=True)
        assert gradient.isfinite().all() and gradient.flatten(1).any(1).all(), tap


def test_only_what_a_tap_needs_runs(tmp_path: Path) -> None:
    network = served(onnx_files.network().write(tmp_path / "net.onnx", "logits"), tmp_path)
    assert isinstance(network.module, Converted)
    ran = list[str]()
    for name, part in network.module.module.named_modules():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
    network.activations(torch.rand(1, 3, 20, 28), ["branch"])
    folded = ["Conv_stem.together", "Conv_stem"]
    assert [name for name in ran if name] == [*folded, "BatchNormalization_normalized", "Relu_stem_relu", "Conv_branch"]


@pytest.mark.parametrize(("shape", "classes"), [(("b", 1, 16, 16), 1), (("b", 3, 12, 40), 2000)])
def test_grey_and_oblong_pictures_and_few_or_many_outputs(shape: tuple[int | str, ...], classes: int, tmp_path: Path) -> None:
    form = Preprocessing((int(shape[2]), int(shape[3])), "GREY", (0.0,), (1.0,)) if shape[1] == 1 else replace(FORM, size=(12, 40))
    network = served(onnx_files.network(shape, classes).write(tmp_path / "net.onnx", "logits"), tmp_path, form)
    assert network.logits(torch.rand(2, 3, *form.size)).shape == (2, classes)


def test_a_batch_of_one_that_the_file_holds_to_is_run_picture_by_picture(tmp_path: Path) -> None:
    draft = onnx_files.network((1, 3, 20, 28))
    draft.nodes[-3] = onnx.helper.make_node("Reshape", ["average", draft.constant("shape", [1, 10], np.int64)], ["flat"])
    file = draft.write(tmp_path / "net.onnx", "logits")
    network = served(file, tmp_path)
    assert network.card.parameters == {"one_by_one": True}
    image = torch.rand(3, 3, 20, 28)
    torch.testing.assert_close(network.logits(image), runtime(file, image), rtol=1e-4, atol=1e-5)


def test_pictures_with_their_channels_last_and_names_no_address_can_hold(tmp_path: Path) -> None:
    """As TensorFlow's exporter writes: NHWC, a transposition, colons in names."""
    draft = onnx_files.Draft(("batch", 20, 28, 3), "input:0")
    draft.node("Transpose", "input:0", "model/first:0", perm=[0, 3, 1, 2])
    draft.convolution("model/first:0", "model/conv:0", (3, 5))
    draft.node("GlobalAveragePool", "model/conv:0", "model/output:0")
    file = draft.write(tmp_path / "net.onnx", "model/output:0")
    network = served(file, tmp_path)
    assert [tap.name for tap in network.card.taps] == ["model/first_0", "model/conv_0", "model/output_0"]
    image = torch.rand(1, 3, 20, 28)
    wanted = onnxruntime.InferenceSession(file).run(None, {"input:0": network.preprocess.encode(image).permute(0, 2, 3, 1).numpy()})[0]
    torch.testing.assert_close(network.logits(image), torch.from_numpy(wanted).flatten(1), rtol=1e-4, atol=1e-5)


def test_constants_and_aliases_as_exporters_leave_them(tmp_path: Path) -> None:
    """Weights in Constant nodes (Paddle), and one bias under two names through an Identity (PyTorch's older exporter)."""
    draft = onnx_files.network()
    (bias,) = [weight for weight in draft.weights if weight.name == "branch.b"]
    draft.weights.remove(bias)
    (weight,) = [weight for weight in draft.weights if weight.name == "branch.w"]
    draft.weights.remove(weight)
    draft.nodes.insert(0, onnx.helper.make_node("Identity", ["stem.b"], ["branch.b"]))
    draft.nodes.insert(0, onnx.helper.make_node("Constant", [], ["branch.w"], value=weight))
    file = draft.write(tmp_path / "net.onnx", "logits")
    network = served(file, tmp_path)
    assert not network.card.forward_only
    image = torch.rand(2, 3, 20, 28)
    torch.testing.assert_close(network.logits(image), runtime(file, image), rtol=1e-4, atol=1e-5)


def test_a_product_and_the_sum_after_it_are_two_taps(tmp_path: Path) -> None:
    """As linear layers are written for tokens; the converter would make one layer of both."""
    draft = onnx_files.Draft(("batch", 3, 20, 28))
    draft.node("Reshape", f"image {draft.constant('shape', [0, 12, 140], np.int64)}", "tokens")
    draft.node("MatMul", f"tokens {draft.weight('w', 140, 6)}", "product")
    draft.node("Add", f"{draft.weight('b', 6)} product", "sum")
    draft.node("ReduceMean", f"sum {draft.constant('axes', [1], np.int64)}", "mean", keepdims=0)
    network = served(draft.write(tmp_path / "net.onnx", "mean"), tmp_path)
    assert {tap.name: tap.shape for tap in network.card.taps} == {
        "tokens": (140, 12, 1),
        "product": (6, 12, 1),
        "sum": (6, 12, 1),
        "mean": (6,),
    }


def test_weights_beside_the_file_are_put_into_the_copy(tmp_path: Path) -> None:
    model = onnx_files.network().model("logits")
    file = tmp_path / "net.onnx"
    onnx.save_model(model, file, save_as_external_data=True, location="net.data", size_threshold=0)
    served(file, tmp_path)
    assert sorted(path.name for path in (tmp_path / "pack").rglob("*.*")) == ["net.onnx", "net.toml"]
    (tmp_path / "net.data").unlink()
    with pytest.raises(CardError, match="cannot be read as ONNX"):
        importer.classifier(file, "net", preprocessing=FORM)


def test_no_usable_gradient_is_served_forward_only_with_the_reason(tmp_path: Path) -> None:
    """A rounded output has a zero gradient; what comes before it is left out only where it was not asked for."""
    draft = onnx_files.network()
    draft.node("Round", "logits", "levels")
    file = draft.write(tmp_path / "net.onnx", "levels")
    network = served(file, tmp_path)
    assert network.card.forward_only == "levels: its gradient is zero"
    assert isinstance(network.module, Original)
    image = torch.rand(2, 3, 20, 28)
    torch.testing.assert_close(network.logits(image), runtime(file, image))
    assert network.activations(image, ["stem"])["stem"].shape == (2, 8, 10, 14)

    card, _ = importer.classifier(file, "net", preprocessing=FORM, output="logits")
    assert not card.forward_only and "levels" not in [tap.name for tap in card.taps], "a tap that was not asked for is left out"
    card, _ = importer.classifier(file, "net", preprocessing=FORM, output="logits", taps=["stem", "levels"])
    assert card.forward_only == "levels: its gradient is zero" and [tap.name for tap in card.taps] == ["stem", "levels", "logits"]


def test_what_cannot_be_converted_or_converts_wrongly_is_served_forward_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = onnx_files.network().write(tmp_path / "net.onnx", "logits")
    forward = nn.ReLU.forward
    with monkeypatch.context() as patched:
        patched.setattr(nn.ReLU, "forward", lambda self, x: forward(self, x) + 0.1)
        card, _ = importer.classifier(file, "net", preprocessing=FORM)
    assert card.forward_only.startswith("logits: its conversion differs from onnxruntime's value by ")
    draft = onnx_files.network()
    draft.node("Scaler", "logits", "scaled", domain="ai.onnx.ml", offset=[0.0] * 7, scale=[2.0] * 7)
    card, _ = importer.classifier(draft.write(file, "scaled"), "net", preprocessing=FORM)
    assert card.forward_only == "it cannot be converted: its operator Scaler is of ai.onnx.ml, not of the standard's own"


def claiming_weights(length: int) -> bytes:
    """A file with a weight that claims to have so many rows."""
    model = onnx_files.network().model("logits")
    model.graph.initializer[0].dims[0] = length
    return model.SerializeToString()


def test_files_that_cannot_be_served_are_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    whole = onnx_files.network().write(file, "logits").read_bytes()
    for name, options, message in (
        ("a tap", {"taps": ["nothing"]}, "has no nothing; the last of what it has are stem_relu, branch, "),
        ("size", {"form": replace(FORM, size=(28, 20))}, r"20 height; the preprocessing gives 28"),
        ("channels", {"form": Preprocessing((20, 28), "GREY", (0.0,), (1.0,))}, "3 channels; the preprocessing gives 1"),
        ("labels", {"labels": ["one"]}, "1 labels for 7 units of logits"),
    ):
        options = dict(options)
        with pytest.raises(CardError, match=message):
            importer.classifier(file, name, preprocessing=options.pop("form", FORM), **options)  # type: ignore[arg-type]
    draft = onnx_files.network()
    draft.inputs.append(onnx.helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))
    for written, message in (
        (lambda: draft.write(file, "logits"), "it has 2 inputs, image, other; one can be served"),
        (lambda: onnx_files.network((4, 3, 20, 28)).write(file, "logits"), "its batch is fixed at 4; export it with a free one, or with 1"),
        (
            lambda: onnx_files.network(("batch", 3, 2**40, 2**40)).write(file, "logits"),
            r"its input image has the shape \(None, 3, 1099511627776, 1099511627776\); a row of at most 50331648 numbers can be served",
        ),
        (lambda: onnx_files.network(("batch", 3, -20, 28)).write(file, "logits"), r"has the shape \(None, 3, -20, 28\); write a name for"),
        (lambda: onnx_files.network(("batch", 3, 20, 0)).write(file, "logits"), r"has the shape \(None, 3, 20, 0\); write a name for"),
        (lambda: file.write_bytes(claiming_weights(2**40)), r"it computes stem of the shape \(None, 1099511627776, 10, 14\)"),
        (lambda: file.write_bytes(whole[:-50]), "cannot be read as ONNX"),
        (lambda: file.write_bytes(b"not a file"), "cannot be read as ONNX"),
        (lambda: file.unlink(), "cannot be read as ONNX"),
    ):
        written()
        with pytest.raises(CardError, match=message):
            importer.classifier(file, "net", preprocessing=FORM)


@pytest.mark.parametrize(
    ("kind", "reads", "length"),
    [
        ("ConstantOfShape", "lengths", [50_000, 50_000]),
        ("Expand", "image lengths", [200_000, 3, 20, 28]),
        ("Tile", "image lengths", [1, 1, 10**4, 1000]),
        ("Pad", "image lengths", [0, 0, 10**5, 10**5, 0, 0, 0, 0]),
        ("Resize", "image   lengths", [1, 3, 10**5, 10**5]),
    ],
)
def test_values_that_no_machine_holds_are_refused_before_they_are_computed(
    kind: str, reads: str, length: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "Original", lambda *_, **__: pytest.fail("it is run"))
    draft = onnx_files.network((1, 3, 20, 28))
    draft.constant("lengths", length, np.int64)
    draft.nodes.append(onnx.helper.make_node(kind, reads.split(" "), ["large"]))
    draft.node("ReduceMax", "large", "small", keepdims=0)
    draft.node("Add", "logits small", "both")
    with pytest.raises(CardError, match=r"it computes large of the shape \(.*\); values of at most 268435456 numbers can be served"):
        importer.classifier(draft.write(tmp_path / "net.onnx", "both"), "net", preprocessing=FORM)


def test_a_replaced_file_is_refused_at_load(tmp_path: Path) -> None:
    served(onnx_files.network().write(tmp_path / "net.onnx", "logits"), tmp_path)
    onnx_files.network(classes=8).write(tmp_path / "pack" / "weights" / "net.onnx", "logits")
    with pytest.raises(CardError, match="damaged or replaced"):
        dgnam_models.load("net", packs=[tmp_path / "pack"])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Size and range from the command line, where the file leaves it free; a model of another format is replaced whole."""
    file = onnx_files.network(("batch", 3, "height", "width")).write(tmp_path / "net.onnx", "logits")
    into = tmp_path / "pack"
    told = ["import", "onnx", str(file), "--mean", "123.7", "116.3", "103.5", "--std", "58.4", "57.1", "57.4", "--into", str(into)]
    assert main([*told, "--white", "255"]) == 2
    assert "takes pictures of any size: say with --size at which to use it" in capsys.readouterr().err
    (into / "weights").mkdir(parents=True)
    (into / "weights" / "net.safetensors").write_bytes(b"of the model before")
    assert main([*told, "--white", "255", "--size", "20", "28", "--bgr"]) == 0
    assert "net: classifier, 14 taps, output logits." in capsys.readouterr().out
    form = dgnam_models.cards([into])["net"].preprocessing
    assert (form.size, form.channels) == ((20, 28), "BGR") and form.mean == pytest.approx((0.485, 0.456, 0.406), abs=1e-3)
    assert sorted(path.name for path in into.rglob("*.*")) == ["net.onnx", "net.toml"]
    assert main([*told, "--size", "20", "28", "--over", "--taps", "stem", "--output", "stem"]) == 0

    draft = onnx_files.network()
    draft.node("Round", "logits", "levels")
    draft.write(file, "levels")
    assert main([*told, "--over"]) == 0
    said = capsys.readouterr()
    assert "net: nothing can be drawn for it, because its gradients cannot be used: levels: its gradient is zero" in said.err
    assert main(["show", "net", "--models", str(into)]) == 0
    assert "no gradients   levels: its gradient is zero" in capsys.readouterr().out


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = onnx_files.network().write(tmp_path / "net.onnx", "logits")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(CardError, match=r'onnx2pytorch and onnxruntime: pip install "dgnam-models\[onnx,cpu\]", or \[onnx,gpu\]'):
        importer.classifier(file, "net", preprocessing=FORM)


@pytest.mark.parametrize("batch", [-1, 0])
def test_a_batch_of_minus_one_or_none_is_a_free_one(batch: int, tmp_path: Path) -> None:
    """As exporters other than PyTorch's leave it."""
    file = onnx_files.network((batch, 3, 20, 28)).write(tmp_path / "net.onnx", "logits")
    free = onnx_files.network().write(tmp_path / "free.onnx", "logits")
    image = torch.rand(3, 3, 20, 28)
    torch.testing.assert_close(served(file, tmp_path).logits(image), runtime(free, image), rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_inside_a_file_with_a_free_batch_is_run_picture_by_picture(tmp_path: Path) -> None:
    draft = onnx_files.network()
    draft.nodes[-3] = onnx.helper.make_node("Reshape", ["average", draft.constant("shape", [1, 10], np.int64)], ["flat"])
    file = draft.write(tmp_path / "net.onnx", "logits")
    network = served(file, tmp_path)
    assert network.card.parameters == {"one_by_one": True} and not network.card.forward_only
    image = torch.rand(3, 3, 20, 28)
    torch.testing.assert_close(network.logits(image), runtime(file, image), rtol=1e-4, atol=1e-5)
    assert network.original is not None
    found = network.original.activations(network.preprocess.encode(image), ["logits"])["logits"]
    torch.testing.assert_close(found, runtime(file, image), rtol=1e-4, atol=1e-5)


def test_what_mixes_the_pictures_of_a_batch_is_run_picture_by_picture(tmp_path: Path) -> None:
    draft = onnx_files.network()
    draft.node("ReduceMax", f"logits {draft.constant('axes', [0], np.int64)}", "most", keepdims=1)
    draft.node("Mul", "logits most", "mixed")
    file = draft.write(tmp_path / "net.onnx", "mixed")
    network = served(file, tmp_path)
    assert network.card.parameters == {"one_by_one": True} and not network.card.forward_only
    image = torch.rand(3, 3, 20, 28)
    torch.testing.assert_close(network.logits(image), runtime(file, image), rtol=1e-4, atol=1e-5)


def test_float16_inside_float32_outside(tmp_path: Path) -> None:
    """As converters to half precision write it, with casts at both ends; its conversion computes in float32."""
    draft = onnx_files.Draft(("batch", 3, 20, 28))
    draft.node("Cast", "image", "half", to=TensorProto.FLOAT16)
    draft.convolution("half", "maps", (3, 8))
    draft.node("Relu", "maps", "rectified")
    draft.node("GlobalAveragePool", "rectified", "average")
    draft.node("Flatten", "average", "flat", axis=1)
    draft.weight("fc.w", 7, 8), draft.weight("fc.b", 7)
    draft.node("Gemm", "flat fc.w fc.b", "short", transB=1)
    draft.node("Cast", "short", "logits", to=TensorProto.FLOAT)
    draft.weights = [numpy_helper.from_array(numpy_helper.to_array(held).astype(np.float16), held.name) for held in draft.weights]
    file = draft.write(tmp_path / "net.onnx", "logits")
    network = served(file, tmp_path)
    assert not network.card.forward_only and {tap.name for tap in network.card.taps} >= {"maps", "rectified", "logits"}
    image = torch.rand(3, 3, 20, 28, requires_grad=True)
    found = network.logits(image)
    torch.testing.assert_close(found, runtime(file, image.detach()), rtol=2e-2, atol=2e-2)
    (gradient,) = torch.autograd.grad(found[:, 3].sum(), image)
    assert gradient.isfinite().all() and gradient.any()


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    draft = onnx_files.network()
    draft.constant("bad", [np.nan] * 7)
    draft.node("Add", "logits bad", "sum")
    with pytest.raises(CardError, match=r"net.onnx: its weights are not finite \(NaN or infinite\): bad"):
        importer.classifier(draft.write(tmp_path / "net.onnx", "sum"), "net", preprocessing=FORM)


def test_inputs_of_four_channels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = onnx_files.network(("b", 4, 20, 28)).write(tmp_path / "net.onnx", "logits")
    told = ["import", "onnx", file, "--mean", "0.5", "--std", "0.25", "--into", tmp_path / "pack"]
    assert main([*map(str, told)]) == 2
    assert "4 channels; the preprocessing gives 3" in capsys.readouterr().err
    assert main([*map(str, told), "--channels", "RGB0"]) == 0
    network = dgnam_models.load("net", packs=[tmp_path / "pack"])
    assert isinstance(network, Network) and network.logits(torch.rand(2, 3, 20, 28)).shape == (2, 7)
