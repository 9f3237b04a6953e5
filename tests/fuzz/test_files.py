"""Whatever a file holds, those who read it say what is wrong in the one way that their callers expect."""

import io
import struct
import warnings
from contextlib import suppress
from pathlib import Path

import caffe_files
import onnx_files
import pytest
from dgnam_models import CardError
from dgnam_models.importers import _blobs, caffe, onnx
from dgnam_server.rpc import decoding, picture_header
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated
from picture_files import noise, of_many_scans, saved
from PIL import Image

EXIF = Image.Exif()
EXIF[0x0112], EXIF[0x010E] = 6, "a description"
SEVERAL = [Image.new("RGB", (20, 20), (30 * i, 0, 0)) for i in range(4)]
PICTURES = [
    noise(24, 20),
    noise(24, 20, "JPEG", exif=EXIF),
    noise(24, 20, "JPEG", progressive=True),
    noise(24, 20, "WEBP", exif=EXIF),
    noise(24, 20, "WEBP", lossless=True),
    of_many_scans(40, 40, 5),
    saved(Image.new("LA", (16, 16)), exif=EXIF),
    saved(Image.new("P", (16, 16)), transparency=3),
    saved(SEVERAL[0], "PNG", save_all=True, append_images=SEVERAL[1:]),
    saved(SEVERAL[0], "WEBP", save_all=True, append_images=SEVERAL[1:]),
    saved(SEVERAL[0], "MPO", save_all=True, append_images=SEVERAL[1:]),
    saved(Image.new("I;16", (20, 20))),
]


@pytest.mark.parametrize("data", PICTURES, ids=lambda data: str(len(data)))
def test_a_header_says_what_pillow_says(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as picture:
        header = picture_header.read(data)
        assert (header.width, header.height) == picture.size
        assert header.frames == (getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1)


@given(data=mutated(PICTURES))
def test_pictures(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the process that decodes does
        try:
            levels = decoding.decode(data, (16, 16), 100_000)
        except ValueError:
            levels = None
    try:
        header = picture_header.read(data)
    except ValueError:
        assert levels is None, "a good picture is refused by its header"
        return
    assert levels is None or header.width * header.height <= 100_000, "its pixels were not counted"


@pytest.fixture(scope="module")
def caffe_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    net = caffe_files.Draft((3, 8, 8))
    net.conv("conv1", "data", 3, 4, 3, relu="relu1")
    net.dense("fc8", "conv1", 4 * 6 * 6, 5)
    net.layer("Softmax", "prob", "fc8", "prob")
    return net.write(tmp_path_factory.mktemp("caffe"))


@given(data=st.data())
def test_caffe_weights(caffe_pair: tuple[Path, Path], data: st.DataObject) -> None:
    hostile = data.draw(mutated([caffe_pair[1].read_bytes()]))
    with suppress(CardError):
        _blobs.read(io.BytesIO(hostile), caffe_pair[1])


@given(data=st.data())
def test_caffe_networks(caffe_pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text, weights = caffe_pair
    hostile = tmp_path_factory.getbasetemp() / "hostile.prototxt"
    hostile.write_bytes(data.draw(mutated([text.read_bytes()])))
    with suppress(CardError):
        caffe.classifier(hostile, weights, "net", subtraction=caffe.Subtraction((104.0, 117.0, 123.0)))


@given(data=st.data())
def test_onnx_networks(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    file = tmp_path_factory.getbasetemp() / "hostile.onnx"
    file.write_bytes(data.draw(mutated([onnx_files.network().model("logits").SerializeToString()])))
    with suppress(CardError):
        onnx.size_of(file, (20, 28))
        onnx.read(file)


def test_a_scan_that_hides_behind_a_marker_without_length() -> None:
    """FF 01 has no length; who took one from after it would step over the scans there."""
    data = of_many_scans(40, 40, 50)
    start = data.index(b"\xff\xda")
    hidden = data[:start] + b"\xff\x01" + data[start:]
    assert picture_header.read(hidden).scans == picture_header.read(data).scans > 50


@pytest.mark.parametrize("data", [noise(24, 20, "WEBP"), noise(24, 20)])
def test_very_many_parts_are_not_walked(data: bytes) -> None:
    part = b"tEXt" if data.startswith(b"\x89PNG") else b"ANMF"
    many = (struct.pack(">I", 0) + part + bytes(4)) * 5000 if part == b"tEXt" else (part + bytes(4)) * 5000
    hostile = data[:33] + many + data[33:] if part == b"tEXt" else data[:12] + b"VP8X" + struct.pack("<I", 10) + bytes(10) + many
    with pytest.raises(ValueError, match="more than 4000 parts"):
        picture_header.read(hostile)
