from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import InvalidRequestError, PixelOptions, ProtocolError, SynthesisOptions, _wire
from dgnam_proto import arrays
from dgnam_proto.v1 import catalog_pb2, synthesis_pb2
from PIL import Image

LEMON = "alexnet64:fc8:lemon"


def test_nothing_given_is_nothing_sent() -> None:
    request = _wire.synthesize_request(LEMON)
    assert [field.name for field, _ in request.ListFields()] == ["target"]
    nothing: dict[str, Any] = dict.fromkeys(SynthesisOptions.__annotations__)
    assert _wire.synthesize_request(LEMON, None, **nothing) == request


def test_every_option_is_sent() -> None:
    request = _wire.synthesize_request(
        LEMON,
        4,
        prior="fc6",
        method="dgn-am",
        steps=np.int64(10),  # type: ignore[typeddict-item]
        start_learning_rate=0.5,
        end_learning_rate=np.float32(0.25),  # type: ignore[typeddict-item]
        decay=0,
        bound_multiplier=2,
        reconstruction_weight=0.1,
        langevin_noise=0.1,
        end_langevin_noise=0.1,
        noise_level=10.0,
        end_noise_level=0.1,
        churn=0.2,
        seed=2**64 - 1,
        start=[1.0, 2.0],  # type: ignore[typeddict-item]
        preview_interval=0,
        determinism="strict",
        balance="none",
        readout="activation",
    )
    assert {field.name for field, _ in request.ListFields()} == {
        field.name for field in synthesis_pb2.SynthesizeRequest.DESCRIPTOR.fields if field.name != "start_image"
    }
    assert request.variants == 4 and request.seed == 2**64 - 1 and request.HasField("decay") and request.decay == 0
    assert request.determinism == synthesis_pb2.DETERMINISM_STRICT


def test_the_options_are_the_requests_fields() -> None:
    fields = {field.name for field in synthesis_pb2.SynthesizeRequest.DESCRIPTOR.fields}
    in_target_or_start = {"balance", "readout", "start"}
    assert set(SynthesisOptions.__annotations__) - in_target_or_start == fields - {"target", "variants", "start_code", "start_image"}


def test_pixels_nothing_given_is_nothing_sent() -> None:
    assert [field.name for field, _ in _wire.pixels_request(LEMON).ListFields()] == ["target"]
    nothing: dict[str, Any] = dict.fromkeys([*PixelOptions.__annotations__, "steps", "tv_weight"])
    assert _wire.pixels_request(LEMON, None, **nothing) == _wire.pixels_request(LEMON)


def test_pixels_every_option_is_sent(result_message: Any) -> None:
    start = _wire.result(result_message())
    options: dict[str, Any] = {"method": "tv", "size": (48, 40), "seed": 3, "preview_interval": 2, "determinism": "strict", "start": start}
    request = _wire.pixels_request(LEMON, 4, **options, tv_weight=0.5, steps=np.int64(7))
    assert {field.name for field, _ in request.ListFields()} == {field.name for field in request.DESCRIPTOR.fields}
    assert (request.height, request.width, request.start_image) == (48, 40, start.png)
    assert dict(request.options) == {"tv_weight": 0.5, "steps": 7}
    assert set(PixelOptions.__annotations__) - {"size", "start", "balance", "readout"} < {f.name for f in request.DESCRIPTOR.fields}


@pytest.mark.parametrize(("option", "value"), [("steps", "many"), ("prior", "fc6"), ("seed", -1), ("start", 3), ("size", "x")])
def test_pixels_what_a_field_cannot_hold(option: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"does not fit|is not a picture"):
        _wire.pixels_request(LEMON, **{option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", -1),
        ("steps", 1.5),
        ("steps", "many"),
        ("seed", -1),
        ("seed", 2**64),
        ("decay", "x"),
        ("prior", 3),
        ("preview_interval", 2**32),
    ],
)
def test_what_a_field_cannot_hold(option: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"{option}: .* does not fit") as caught:
        _wire.synthesize_request(LEMON, **{option: value})  # type: ignore[misc]
    assert caught.value.violations[0][0] == option


def test_unknown_determinism() -> None:
    with pytest.raises(InvalidRequestError, match="determinism: 'exact' is none of 'rounding', 'strict'"):
        _wire.synthesize_request(LEMON, determinism="exact")  # type: ignore[typeddict-item]


def test_start_with_a_picture(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 2), (10, 20, 30, 255))
    path = tmp_path / "start.png"
    image.save(path)
    content = path.read_bytes()
    for form in (path, str(path), content, bytearray(content)):
        assert _wire.synthesize_request(LEMON, start=form).start_image == content  # type: ignore[typeddict-item]
    sent = Image.open(io.BytesIO(_wire.synthesize_request(LEMON, start=image).start_image))  # type: ignore[typeddict-item]
    assert sent.format == "PNG" and sent.mode == "RGB" and sent.getpixel((0, 0)) == (10, 20, 30)
    with pytest.raises(FileNotFoundError):
        _wire.synthesize_request(LEMON, start=tmp_path / "none.png")


def test_start_with_a_code() -> None:
    request = _wire.synthesize_request(LEMON, start=np.arange(3))
    assert arrays.from_message(request.start_code).tolist() == [0, 1, 2]
    with pytest.raises(InvalidRequestError, match=r"a code is a vector, but this has shape \(2, 2, 3\)"):
        _wire.synthesize_request(LEMON, start=np.zeros((2, 2, 3)))
    with pytest.raises(InvalidRequestError, match="start_code: .*only real numbers"):
        _wire.synthesize_request(LEMON, start=["a"])  # type: ignore[typeddict-item]
    with pytest.raises(InvalidRequestError, match="an int is|a int is neither"):
        _wire.synthesize_request(LEMON, start=3)  # type: ignore[typeddict-item]


def test_events_of_the_future_are_passed_over() -> None:
    assert _wire.event(synthesis_pb2.SynthesizeResponse()) is None
    assert _wire.event(synthesis_pb2.SynthesizeResponse(heartbeat=synthesis_pb2.Heartbeat())) is None


def test_result(result_message: Any) -> None:
    message = result_message()
    result = _wire.result(message)
    assert result.array.tobytes() == message.image.data
    result.array[:] = 0  # a copy of one's own
    message.ending = 99
    assert _wire.result(message).ending == "unknown"
    message.image.shape[:] = [8, 24]
    with pytest.raises(ProtocolError, match=r"shape \(8, 24\), which is not \(H, W, 3\)"):
        _wire.result(message)


def test_a_role_of_the_future() -> None:
    assert _wire.model(catalog_pb2.Model(name="m", role=99)).role == "unknown"  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="training facts are not JSON"):
        _wire.model(catalog_pb2.Model(name="m", training_json="{"))
