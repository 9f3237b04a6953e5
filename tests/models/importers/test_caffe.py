"""Caffe's networks against another reader of the format, OpenCV's, blob by blob; and what is refused."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import caffe_files
import cv2
import dgnam_models
import numpy as np
import pytest
import torch
from caffe_files import Draft
from dgnam_models import CardError, Generator, Network, pack
from dgnam_models.importers import _blobs, caffe, caffe_pb2
from dgnam_models.importers.caffe import Subtraction
from dgnam_models.nets._caffe_layers import LAYERS, Pooling
from dgnam_models.nets.caffe import Caffe

MAP = (6, 9, 7)
IMAGENET = Subtraction((104.0, 117.0, 123.0))


def single(
    kind: str, settings: str = "", blobs: tuple[tuple[int, ...], ...] = (), shape: tuple[int, ...] = MAP, tops: str = "out"
) -> Draft:
    """A network of one layer behind another, so that the layer does not read the input itself."""
    net = Draft(shape)
    net.layer("TanH", "start", "data", "start")
    name = "bn" if kind == "BatchNorm" else tops if tops == "out" else "layer"  # OpenCV calls convolutions by what they write
    net.layer(kind, name, "start", name if tops == "out" else tops, settings, blobs)
    return net


def double(kind: str, settings: str = "", second: str = "pool") -> Draft:
    """A layer that reads two maps, the second of them smaller (`pool`) or of the same size (`same`)."""
    net = Draft(MAP)
    net.layer("Power", "start", "data", "start", "power_param { scale: 0.5 }")
    if second == "pool":
        net.pool("other", "start", "MAX", 3, 2)
    else:
        net.layer("TanH", "other", "start", "other")
    net.layer(kind, "layer", "start other", "out", settings)
    return net


LAYER_TABLE: dict[str, Draft] = {
    "convolution": single("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", ((4, 6, 3, 3), (4,))),
    "convolution, stride and padding": single(
        "Convolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 bias_term: false }", ((4, 6, 3, 3),)
    ),
    "convolution, groups": single("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 2 }", ((4, 3, 3, 3), (4,))),
    "convolution, dilation": single(
        "Convolution", "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 pad: 2 }", ((4, 6, 3, 3), (4,))
    ),
    "convolution, each side its own": single(
        "Convolution",
        "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 0 }",
        ((4, 6, 3, 2), (4,)),
    ),
    "deconvolution": single("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 }", ((6, 4, 4, 4), (4,))),
    "deconvolution, groups": single(
        "Deconvolution", "convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 6 bias_term: false }", ((6, 1, 4, 4),)
    ),
    "inner product": single("InnerProduct", "inner_product_param { num_output: 5 }", ((5, 6 * 9 * 7), (5,))),
    "inner product, no bias": single("InnerProduct", "inner_product_param { num_output: 5 bias_term: false }", ((5, 6 * 9 * 7),)),
    "ReLU": single("ReLU"),
    "ReLU, slope": single("ReLU", "relu_param { negative_slope: 0.3 }"),
    "PReLU": single("PReLU", "", ((6,),)),
    "LRN across channels": single("LRN", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 }"),
    "LRN within a channel": single("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }"),
    "dropout": single("Dropout", "dropout_param { dropout_ratio: 0.7 }"),
    "softmax": single("Softmax"),
    "softmax of a row": single("Softmax", shape=(11,)),
    "batch normalization": single("BatchNorm", "batch_norm_param { eps: 0.01 }", ((6,), (6,), (1,))),
    "scale": single("Scale", "scale_param { bias_term: true }", ((6,), (6,))),
    "scale, no bias": single("Scale", "", ((6,),)),
    "power": single("Power", "power_param { power: 2 scale: -0.5 shift: 3 }"),
    "power, linear": single("Power", "power_param { scale: 2 shift: 0.25 }"),
    "sigmoid": single("Sigmoid"),
    "tanh": single("TanH"),
    "flatten": single("Flatten"),
    "reshape": single("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: -1 dim: 7 } }"),
    "slice": single("Slice", "slice_param { slice_point: 1 slice_point: 4 }", tops="a b c"),
    "concat": double("Concat", second="same"),
    "concat along the width": double("Concat", "concat_param { axis: 3 }", second="same"),
    "sum": double("Eltwise", second="same"),
    "sum with coefficients": double("Eltwise", "eltwise_param { coeff: 1 coeff: -0.5 }", second="same"),
    "product": double("Eltwise", "eltwise_param { operation: PROD }", second="same"),
    "maximum": double("Eltwise", "eltwise_param { operation: MAX }", second="same"),
    "crop": double("Crop", "crop_param { axis: 2 offset: 2 offset: 1 }"),
    "crop, one offset": double("Crop", "crop_param { offset: 1 }"),
    "global average": single("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
    "global maximum": single("Pooling", "pooling_param { pool: MAX global_pooling: true }"),
} | {
    # 9 and 7 against these kernels, strides and paddings: windows that fit, that reach beyond the map, and that would begin in the padding.
    f"{method} pooling {kernel}/{stride}+{pad}": single(
        "Pooling", f"pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    )
    for method in ("MAX", "AVE")
    for kernel, stride, pad in ((2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 2, 1), (3, 3, 1), (4, 3, 2), (3, 1, 1), (5, 4, 0))
}
NETWORKS: dict[str, Callable[[], Draft]] = {
    "CaffeNet": caffe_files.caffenet,
    "CaffeNet, new format": lambda: caffe_files.caffenet(old=False),
    "GoogLeNet": caffe_files.googlenet,
    "VGG": caffe_files.vgg,
    "ResNet": caffe_files.resnet,
    "generator": caffe_files.upconv,
    "generator of a map": lambda: caffe_files.upconv(code=(4, 3, 2)),
}


def module_of(draft: Draft, folder: Path) -> Caffe:
    return caffe._trial(caffe._read(*draft.write(folder)))


@torch.no_grad()
def compare(draft: Draft, folder: Path) -> None:
    """Every blob after every layer, those that are written over too, for two rows at once."""
    module = module_of(draft, folder)
    reference = cv2.dnn.readNetFromCaffe(str(folder / "deploy.prototxt"), str(folder / "net.caffemodel"))
    reference.enableFusion(False)  # a fused layer leaves no blob
    image = np.random.default_rng(1).normal(0, 1, (2, *draft.input_shape)).astype(np.float32)
    found = module.activations(torch.from_numpy(image), module.tap_names())
    assert len(found) == sum(len(step.writes) for step in module.steps) > 0
    for (name, kind), step in zip(module.names, module.steps, strict=True):
        reference.setInput(image)
        outputs = reference.forwardAndRetrieve([name])[0]
        for tap, wanted in zip(step.writes, outputs, strict="Pooling" not in kind):  # OpenCV's gives the places of the maxima too
            scale = float(np.abs(wanted).max())
            assert found[tap].shape == wanted.shape, tap
            torch.testing.assert_close(
                found[tap], torch.from_numpy(wanted), rtol=1e-4, atol=2e-5 * scale, msg=lambda text, tap=tap: f"{tap}: {text}"
            )


@pytest.mark.parametrize("name", LAYER_TABLE)
def test_every_layer_computes_what_opencv_computes(name: str, tmp_path: Path) -> None:
    compare(LAYER_TABLE[name], tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_blob_of_small_published_networks_is_opencvs(name: str, tmp_path: Path) -> None:
    compare(NETWORKS[name](), tmp_path)


def test_the_table_covers_all_types() -> None:
    by_hand = {"Bias", "Split"}
    assert {kind for draft in LAYER_TABLE.values() for kind in draft.text.split('"') if kind in LAYERS} | by_hand == set(LAYERS) - {
        "GlobalPooling"
    }


@torch.no_grad()
def test_pooling_corners_by_hand(tmp_path: Path) -> None:
    """Rounding up: 4 values, windows of 2 every 3 with 1 of padding. A mean counts the padding, but not what lies beyond it."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]).reshape(1, 1, 1, 4)
    settings = {"kernel": [1, 2], "stride": [1, 3], "pad": [0, 1]}
    # Windows (pad 1), (3 4); ceil((4 + 2 - 2) / 3) + 1 = 3 would begin at 5 of 6, in the padding behind: dropped.
    torch.testing.assert_close(Pooling("ave", **settings)(x).flatten(), torch.tensor([0.5, 3.5]))
    # Without padding: 5 values, windows of 3 every 2 ... 4 values: the second window holds two values only.
    torch.testing.assert_close(Pooling("ave", [1, 3], [1, 2], [0, 0])(x).flatten(), torch.tensor([2.0, 3.5]))
    # With padding, the last window reaches one beyond it: 3 values and one of padding count, the fifth place does not.
    torch.testing.assert_close(Pooling("ave", [1, 3], [1, 2], [0, 1])(x).flatten(), torch.tensor([1.0, 3.0, 2.0]))
    torch.testing.assert_close(Pooling("max", [1, 3], [1, 2], [0, 1])(-x).flatten(), torch.tensor([-1.0, -2.0, -4.0]))
    torch.testing.assert_close(Pooling("max", [1, 3], [1, 2], [0, 0], round_up=False)(x).flatten(), torch.tensor([3.0]))
    with pytest.raises(ValueError, match="begins beyond a map of 4"):
        Pooling("max", [1, 1], [1, 2], [0, 0])(x)
    draft = single("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 2 }")
    with pytest.raises(CardError, match="layer 'out' of type 'Pooling': .*at most half"):
        caffe._shapes(module_of(draft, tmp_path))


@torch.no_grad()
def test_what_opencv_cannot_compare(tmp_path: Path) -> None:
    """What it lacks or, as LRN's k, does not look at: against numpy."""
    x = np.random.default_rng(0).normal(size=(2, *MAP)).astype(np.float32)
    start = np.tanh(x)

    def run(draft: Draft) -> tuple[np.ndarray, list[np.ndarray]]:
        graph = caffe._read(*draft.write(tmp_path))
        return caffe._trial(graph)(torch.from_numpy(x)).numpy(), list(graph.weights.values())

    value, (bias,) = run(single("Bias", "", ((6,),)))
    np.testing.assert_allclose(value, start + bias[:, None, None], rtol=1e-4, atol=1e-6)
    value, _ = run(double("Scale", "scale_param { axis: 0 }", second="same"))
    np.testing.assert_allclose(value, 0.5 * x * np.tanh(0.5 * x), rtol=1e-4, atol=1e-6)
    draft = single("InnerProduct", "inner_product_param { num_output: 5 transpose: true bias_term: false }", ((6 * 9 * 7, 5),))
    value, (weight,) = run(draft)
    np.testing.assert_allclose(value, start.reshape(2, -1) @ weight.T, rtol=1e-4, atol=1e-5)
    value, _ = run(single("LRN", "lrn_param { local_size: 3 alpha: 0.6 beta: 0.5 k: 2 }"))
    nearby = np.pad(start**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    wanted = start / np.sqrt(2 + 0.6 / 3 * (nearby[:, :-2] + nearby[:, 1:-1] + nearby[:, 2:]))
    np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-6)
    for kind, settings in (("Slice", "slice_param { axis: 1 }"), ("Split", "")):
        module = module_of(single(kind, settings, tops="a b"), tmp_path)
        found = module.activations(torch.from_numpy(x), ["a", "b"])
        first, second = (start[:, :3], start[:, 3:]) if kind == "Slice" else (start, start)
        np.testing.assert_allclose(found["a"], first, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found["b"], second, rtol=1e-5, atol=1e-6)


def test_transposed_weights_are_turned(tmp_path: Path) -> None:
    draft = single("InnerProduct", "inner_product_param { num_output: 5 transpose: true bias_term: false }", ((6 * 9 * 7, 5),))
    (weight,) = caffe._read(*draft.write(tmp_path)).weights.values()
    stored = _blobs.read(io.BytesIO((tmp_path / "net.caffemodel").read_bytes()), tmp_path)["out"][0]
    np.testing.assert_array_equal(weight.T, stored.reshape(-1, 5))


# --- as models -------------------------------------------------------------------------------------------------------


def imported(draft: Draft, folder: Path, **arguments: object) -> Network:
    card, weights = caffe.classifier(*draft.write(folder), "net", **{"subtraction": IMAGENET, **arguments})  # type: ignore[arg-type]
    pack.write(folder / "pack", card, weights)
    network = dgnam_models.load("net", packs=[folder / "pack"])
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize("name", ["CaffeNet", "GoogLeNet", "VGG", "ResNet"])
def test_networks_are_served_with_opencvs_preprocessing(name: str, tmp_path: Path) -> None:
    draft = NETWORKS[name]()
    network = imported(draft, tmp_path, labels=list("abcdefghij"))
    assert pack.problems(network) == []
    assert network.card.output_tap in ("fc8", "loss3/classifier", "fc1000") and network.card.labels[0] == "a"
    picture = np.random.default_rng(2).integers(0, 256, (*network.input_size, 3), dtype=np.uint8)  # BGR, as OpenCV has them
    reference = cv2.dnn.readNetFromCaffe(str(tmp_path / "deploy.prototxt"), str(tmp_path / "net.caffemodel"))
    reference.setInput(cv2.dnn.blobFromImage(picture, 1.0, mean=(104, 117, 123)))
    image = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(network.logits(image).softmax(1), torch.from_numpy(reference.forward()).reshape(1, -1), rtol=1e-3, atol=1e-5)
    image.requires_grad_()
    for tap, value in network.activations(image, [tap.name for tap in network.card.taps]).items():
        (gradient,) = torch.autograd.grad((value * value.detach()).sum(), image, retain_graph=True)
        assert gradient.isfinite().all() and gradient.abs().sum() > 0, tap


@torch.no_grad()
def test_a_convolution_is_read_before_its_relu_and_only_what_is_needed_runs(tmp_path: Path) -> None:
    module = module_of(caffe_files.caffenet(), tmp_path)
    found = module.activations(torch.randn(1, 3, 67, 67), ["conv1", "relu1", "fc6", "relu6", "drop6"])
    assert found["conv1"].min() < 0 and found["fc6"].min() < 0
    torch.testing.assert_close(found["relu1"], found["conv1"].relu())
    torch.testing.assert_close(found["drop6"], found["fc6"].relu())
    ran: list[str] = []
    for (name, _), layer in zip(module.names, module.layers, strict=True):
        layer.register_forward_hook(lambda *_, name=name: ran.append(name))
    module.activations(torch.randn(1, 3, 67, 67), ["norm1"])
    assert ran == ["conv1", "relu1", "pool1", "norm1"]
    with pytest.raises(KeyError, match="no such tap: \\['conv9'\\]"):
        module.activations(torch.randn(1, 3, 67, 67), ["conv9"])


@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 1), ((3, 24, 40), 2000), ((1, 20, 33), 12)])
def test_grey_and_oblong_pictures_and_few_or_many_outputs(shape: tuple[int, int, int], classes: int, tmp_path: Path) -> None:
    net = Draft(shape)
    net.conv("conv1", "data", shape[0], 4, 3, "pad: 1", relu="relu1")
    net.pool("pool1", "conv1", "AVE", 3, 2)
    size = (-(-(shape[1] - 3) // 2) + 1) * (-(-(shape[2] - 3) // 2) + 1)
    net.dense("fc", "pool1", 4 * size, classes)
    network = imported(net, tmp_path, subtraction=Subtraction((33.0,), scale=1 / 255))
    assert pack.problems(network) == []
    assert network.logits(torch.rand(2, 3, *shape[1:])).shape == (2, classes)
    assert network.activations(torch.rand(2, 3, *shape[1:]), ["pool1"])["pool1"].ndim == 4
    form = network.card.preprocessing
    assert (form.channels, form.mean[0]) == ("GREY" if shape[0] == 1 else "BGR", pytest.approx(33 / 255))
    torch.testing.assert_close(network.preprocess.std.flatten(), torch.ones(shape[0]))


def test_a_network_that_is_convolutional_to_the_end_has_a_flat_output(tmp_path: Path) -> None:
    net = Draft((3, 16, 16))
    net.conv("conv10", "data", 3, 10, 1)
    net.layer("Pooling", "pool10", "conv10", "pool10", "pooling_param { pool: AVE global_pooling: true }")
    net.layer("Softmax", "prob", "pool10", "prob")
    network = imported(net, tmp_path)
    assert network.card.output_tap == "output"
    assert network.logits(torch.rand(2, 3, 16, 16)).shape == (2, 10)


def test_the_prototxt_of_training_says_size_mean_and_scale(tmp_path: Path) -> None:
    prototxt, weights = caffe_files.vgg().write(tmp_path)
    body = prototxt.read_text().partition("layers {")[2]
    train = """
        layers { name: "data" type: DATA top: "data" top: "label" include { phase: TRAIN } transform_param { crop_size: 99 } }
        layers { name: "data" type: DATA top: "data" top: "label" include { phase: TEST } data_param { source: "lmdb" }
          transform_param { crop_size: 32 mean_value: 10 mean_value: 20 mean_value: 30 scale: 0.5 mirror: false } }
        layers {""" + body.replace(
        'name: "prob" type: SOFTMAX bottom: "fc8"', 'name: "loss" type: SOFTMAX_LOSS bottom: "fc8" bottom: "label"'
    )
    prototxt.write_text(
        train + 'layers { name: "accuracy" type: ACCURACY bottom: "fc8" bottom: "label" top: "accuracy" include: { phase: TEST } }'
    )
    card, _ = caffe.classifier(prototxt, weights, "net", subtraction=Subtraction())
    assert card.preprocessing.size == (32, 32)
    np.testing.assert_allclose(card.preprocessing.mean, np.array([10, 20, 30]) / 255)
    np.testing.assert_allclose(card.preprocessing.std, 2 / 255)
    assert card.output_tap == "fc8" and [tap.name for tap in card.taps][-1] == "fc8"


def test_mean_files(tmp_path: Path) -> None:
    mean = np.random.default_rng(0).uniform(90, 130, (3, 8, 6)).astype(np.float32)
    np.save(tmp_path / "mean.npy", mean)
    blob = caffe_pb2.BlobProto(num=1, channels=3, height=8, width=6, data=mean.ravel())
    (tmp_path / "mean.binaryproto").write_bytes(blob.SerializeToString())
    for name in ("mean.npy", "mean.binaryproto"):
        np.testing.assert_allclose(caffe.read_mean(tmp_path / name), mean.mean((1, 2)), rtol=1e-6)
    np.save(tmp_path / "mean.npy", np.zeros((5, 4)))
    with pytest.raises(CardError, match=r"has the shape \(5, 4\)"):
        caffe.read_mean(tmp_path / "mean.npy")
    np.save(tmp_path / "mean.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises((CardError, ValueError), match="allow_pickle"):
        caffe.read_mean(tmp_path / "mean.npy")


# --- generators ------------------------------------------------------------------------------------------------------


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release as its authors zipped theirs: generators and the bounds of their codes in folders."""
    prototxt, weights = caffe_files.upconv().write(tmp_path)
    path = tmp_path / "release.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.write(prototxt, "release/fc6/generator.prototxt")
        archive.write(weights, "release/fc6/generator.caffemodel")
        archive.writestr("release/act_range/3x/fc6.txt", " ".join(str(3 + index) for index in range(24)) + "\n")
    return path


def test_generators_become_priors_straight_from_the_zip(release: Path, tmp_path: Path) -> None:
    inside = release / "release"
    card, weights = caffe.generator(
        inside / "fc6" / "generator.prototxt",
        inside / "fc6" / "generator.caffemodel",
        "upconv",
        subtraction=IMAGENET,
        encoder="caffenet",
        tap="relu6",
        bounds=inside / "act_range" / "3x" / "fc6.txt",
    )
    pack.write(tmp_path / "pack", card, weights)
    prior = dgnam_models.load("upconv", packs=[tmp_path / "pack"])
    assert isinstance(prior, Generator)
    assert (prior.code_size, prior.image_size) == (24, (32, 32))
    torch.testing.assert_close(prior.code_mean + 3 * prior.code_std, torch.arange(3.0, 27.0), rtol=1e-5, atol=1e-5)
    assert card.code is not None and card.code.start_learning_rate == pytest.approx(8 * 14.5 / 12)
    # OpenCV draws BGR minus mean, of 0 to 255.
    code = torch.rand(2, 24)
    reference = cv2.dnn.readNetFromCaffe(str(tmp_path / "deploy.prototxt"), str(tmp_path / "net.caffemodel"))
    reference.setInput(code.numpy())
    wanted = (torch.from_numpy(reference.forward()) + torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)).flip(1) / 255
    torch.testing.assert_close(prior(code), wanted, rtol=1e-4, atol=1e-4)


def test_a_generator_of_maps_takes_its_code_flat(tmp_path: Path) -> None:
    prototxt, weights = caffe_files.upconv(code=(4, 3, 2)).write(tmp_path)
    bounds = tmp_path / "bounds.txt"
    bounds.write_text("2.5\n" * 24)
    card, state = caffe.generator(
        prototxt, weights, "maps", subtraction=IMAGENET, encoder="net", tap="pool5", bounds=bounds, start_learning_rate=0.5
    )
    pack.write(tmp_path / "pack", card, state)
    prior = dgnam_models.load("maps", packs=[tmp_path / "pack"])
    assert prior(torch.rand(3, 24)).shape == (3, 3, 32, 32)
    assert card.code is not None and card.code.start_learning_rate == 0.5
    bounds.write_text("2.5 " * 23)
    with pytest.raises(CardError, match=r"has 23 bounds; the code of .* has 24 units, \(4, 3, 2\)"):
        caffe.generator(prototxt, weights, "maps", subtraction=IMAGENET, encoder="net", tap="pool5", bounds=bounds)
    bounds.write_text("2.5 -1 x")
    with pytest.raises(CardError, match="bounds.txt"):
        caffe.generator(prototxt, weights, "maps", subtraction=IMAGENET, encoder="net", tap="pool5", bounds=bounds)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_everything_unsupported_is_named_at_once(tmp_path: Path) -> None:
    net = Draft(MAP)
    net.layer("Warp", "bend", "data", "bend")
    net.layer("Embed", "table", "bend", "table")
    net.layer("Pooling", "lucky", "table", "lucky", "pooling_param { pool: STOCHASTIC kernel_size: 2 }")
    net.layer("BatchNorm", "live", "lucky", "live", "batch_norm_param { use_global_stats: false }")
    net.layer("InnerProduct", "fc", "live", "fc", "inner_product_param { num_output: 4 }")
    with pytest.raises(CardError) as caught:
        caffe.classifier(*net.write(tmp_path), "net", subtraction=IMAGENET)
    for part in (
        "layer 'bend' has the type 'Warp', which is not supported",
        "layer 'table' has the type 'Embed', which is not supported",
        "layer 'lucky' of type 'Pooling': stochastic pooling is not supported",
        "layer 'live' of type 'BatchNorm': use_global_stats is false",
        "layer 'fc' of type 'InnerProduct': the weights' file has 0 blobs for it; it needs 2",
    ):
        assert part in str(caught.value)
    old = caffe_files.vgg()
    old.text += 'layers { name: "m" type: MVN bottom: "prob" top: "m" }'
    with pytest.raises(CardError, match="layer 'm' has the type 'MVN', which is not supported"):
        caffe.classifier(*old.write(tmp_path), "net", subtraction=IMAGENET)


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir(), large.mkdir()
    prototxt, _ = caffe_files.caffenet().write(small)
    _, weights = caffe_files.caffenet(side=99).write(large)
    with pytest.raises(CardError, match="layer 'fc6' of type 'InnerProduct': .*shapes cannot be multiplied"):
        caffe.classifier(prototxt, weights, "net", subtraction=IMAGENET)
    with pytest.raises(CardError, match=r"say what the network was trained to subtract.*--mean 104 117 123"):
        caffe.classifier(*caffe_files.caffenet().write(small), "net", subtraction=Subtraction())
    with pytest.raises(CardError, match="2 labels for 10 units of fc8"):
        caffe.classifier(*caffe_files.caffenet().write(small), "net", subtraction=IMAGENET, labels=["a", "b"])


def test_broken_files_are_refused(tmp_path: Path, release: Path) -> None:
    prototxt, weights = caffe_files.vgg().write(tmp_path)
    whole = weights.read_bytes()
    rng = np.random.default_rng(0)
    for cut in (1, 50, len(whole) // 2, len(whole) - 1):
        weights.write_bytes(whole[:cut])
        with pytest.raises(CardError, match="is no .caffemodel, or not all of one|blobs for it"):
            caffe.classifier(prototxt, weights, "net", subtraction=IMAGENET)
    for _ in range(50):
        weights.write_bytes(rng.bytes(200))
        with pytest.raises(CardError):
            caffe.classifier(prototxt, weights, "net", subtraction=IMAGENET)
    weights.write_bytes(b"\xa2\x06\xff\xff\xff\xff\xff\xff\xff\x7f\x3a\xf0\xff\xff\xff\xff\xff\xff\x7f\x2a\xe0\xff\xff\xff\xff\xff\xff\x7f")
    with pytest.raises(CardError, match="is no .caffemodel"):  # claims more numbers than any memory holds
        caffe.classifier(prototxt, weights, "net", subtraction=IMAGENET)
    prototxt.write_text("layer { name: ")
    with pytest.raises(CardError, match="not a .prototxt"):
        caffe.classifier(prototxt, weights, "net", subtraction=IMAGENET)
    with pytest.raises(CardError, match=r"release.zip has no fc7.prototxt; it has release/fc6/generator.prototxt, "):
        caffe.classifier(release / "fc7.prototxt", weights, "net", subtraction=IMAGENET)
    with pytest.raises(CardError, match="nothing.prototxt cannot be read: No such file"):
        caffe.classifier(tmp_path / "nothing.prototxt", weights, "net", subtraction=IMAGENET)


def test_numbers_one_by_one_and_in_double_precision(tmp_path: Path) -> None:
    """Packing is the writer's choice; both are read, in several pieces as well."""
    values = np.arange(5, dtype=np.float32)
    piece = b"\x2a\x08" + values[:2].tobytes() + b"\x2d" + values[2:3].tobytes() + b"\x2a\x08" + values[3:].tobytes()
    blob = caffe_pb2.BlobProto(double_data=[1.5, 2.5]).SerializeToString()

    def holder(tag: bytes, data: bytes) -> bytes:
        return tag + bytes([len(data)]) + data

    layer = holder(b"\x0a", b"fc") + holder(b"\x3a", piece) + holder(b"\x3a", blob)
    read = _blobs.read(io.BytesIO(holder(b"\xa2\x06", layer)), Path("net"))
    np.testing.assert_array_equal(read["fc"][0], values)
    np.testing.assert_array_equal(read["fc"][1], [1.5, 2.5])
    assert caffe_pb2.NetParameter.FromString(holder(b"\xa2\x06", layer)).layer[0].blobs[0].data == list(values)


def test_reading_holds_the_numbers_once(tmp_path: Path) -> None:
    draft = single("InnerProduct", "inner_product_param { num_output: 5000 }", ((5000, 6 * 9 * 7), (5000,)))
    prototxt, weights = draft.write(tmp_path)
    tracemalloc.start()
    graph = caffe._read(prototxt, weights)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(value.nbytes for value in graph.weights.values()) <= peak < 1.2 * weights.stat().st_size + 2**20


def test_a_convolution_of_two_blobs_is_refused_by_name(tmp_path: Path) -> None:
    """Caffe runs it once for each; nothing here has two outputs under one layer's weights."""
    draft = Draft((3, 12, 12))
    draft.conv("a", "data", 3, 4, 3)
    settings = "convolution_param { num_output: 4 kernel_size: 3 }"
    draft.layer("Convolution", "twins", "a a", "left right", settings, [(4, 4, 3, 3), (4,)])
    with pytest.raises(CardError, match="layer 'twins' of type 'Convolution': it has 2 bottoms, a, a; it must have one: give each blob"):
        imported(draft, tmp_path)


def test_every_blob_can_be_named_in_an_address(tmp_path: Path) -> None:
    draft = Draft((3, 12, 12))
    draft.conv("conv:1+bn", "data", 3, 4, 3, relu="relu 1")
    draft.dense("fc", "conv:1+bn", 400, 5)
    network = imported(draft, tmp_path)
    assert [tap.name for tap in network.card.taps] == ["conv_1_bn", "relu_1", "fc"]
    found = network.activations(torch.rand(2, 3, 12, 12), ["conv_1_bn", "relu_1"])
    torch.testing.assert_close(found["relu_1"], found["conv_1_bn"].relu())
