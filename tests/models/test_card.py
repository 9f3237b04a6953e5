"""Cards: what is written is read, and what is wrong is said all at once."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from dgnam_models.card import CardError, Code, ModelCard, Preprocessing, Tap, sha256


def example(**fields: object) -> ModelCard:
    values: dict[str, object] = {
        "name": "net",
        "role": "classifier",
        "description": "a net",
        "licence": "none",
        "format": "safetensors",
        "file": "net.safetensors",
        "sha256": "0" * 64,
        "architecture": "alexnet",
        "parameters": {"classes": 2},
        "preprocessing": Preprocessing((64, 64), "BGR", (0.1, 0.2, 0.3), (1.0, 1.0, 1.0)),
        "taps": (Tap("conv1", (4, 32, 32)), Tap("fc8", (2,))),
        "labels": ("cat", "dog"),
        "output_tap": "fc8",
        "training": {"steps": 3},
    }
    return ModelCard(**{**values, **fields})  # type: ignore[arg-type]


def test_written_cards_read_back_equal(tmp_path: Path) -> None:
    prior = example(
        name="prior", role="prior", taps=(), labels=(), output_tap="", code=Code("net", "conv1", (0.5, 0.25), (1.0, 2.0), 0.1), training={}
    )
    chosen = replace(prior, name="chosen", options={"dgn-am": {"start_draws": 4000, "scale": 0.08}})
    short = replace(prior, code=Code("net", "conv1", units=8, encoder_size=(32, 64)))
    packaged = example(package="some-weights", preprocessing=Preprocessing((64, 64), multiple=32))
    for card in (example(), prior, chosen, short, packaged):
        path = tmp_path / f"{card.name}.toml"
        card.write(path)
        assert ModelCard.read(path) == card


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"role": "judge"}, 'role is \'judge\'; it must be "classifier" or "prior"'),
        ({"labels": ("cat",)}, "1 labels for 2 units of fc8"),
        ({"preprocessing": Preprocessing((64, 64), "GREY")}, "mean and std have 3 and 3 values; GREY needs 1"),
        ({"preprocessing": Preprocessing((64, 0), "HSV")}, "channels is 'HSV'; it must be \"RGB\".*size is \\[64, 0\\]"),
        ({"preprocessing": Preprocessing((64, 64), std=(1.0, 0.0, 1.0))}, "std has a zero"),
        ({"output_tap": "fc9"}, "output_tap 'fc9' is not among the taps"),
        ({"taps": (), "labels": ()}, "a classifier needs taps and output_tap"),
        ({"role": "prior"}, r"a prior needs \[code\]"),
        ({"role": "prior", "code": Code("net", "conv1", (0.5,), (1.0, 2.0), 0.1)}, "code.mean has 1 values, code.std 2"),
        ({"role": "prior", "code": Code("net", "conv1", (0.5,), (1.0,), units=3)}, "code.mean has 1 values, code.units is 3"),
        ({"role": "prior", "code": Code("net", "conv1")}, "code.units is 0"),
        ({"options": {"dgn-am": {"steps": 3}}}, "options.dgn-am is a prior's; this is a classifier"),
        ({"role": "prior", "code": Code(units=4), "options": {"dgn-am": {"steps": "3"}}}, "options.dgn-am must be a table of numbers"),
        ({"role": "prior", "code": Code(units=4), "options": {"steps": 3}}, "options.steps must be a table of numbers"),
        ({"preprocessing": Preprocessing((100_000, 100_000))}, r"size is \[100000, 100000\]; it must be .* each between 1 and 8192"),
        ({"preprocessing": Preprocessing((8192, 8192))}, "together at most 16777216 pixels"),
        ({"preprocessing": Preprocessing(("a", "b"))}, r"size is \['a', 'b'\]; it must be"),  # type: ignore[arg-type]
        ({"preprocessing": Preprocessing((64, 64), mean=(0.0, float("nan"), 0.0))}, "mean and std must be finite"),
        ({"preprocessing": Preprocessing((64, 64), multiple="a")}, "multiple is 'a'; it must be"),  # type: ignore[arg-type]
        ({"taps": (Tap("fc8", (2, 10**9, 10**9)),)}, "the shape of tap 'fc8' is .*; it must be lengths"),
        ({"taps": (Tap("fc8", ()),)}, "the shape of tap 'fc8' is .*2 labels for 0 units|2 labels for 0 units"),
        ({"labels": (1, 2)}, "labels must be texts"),
        ({"file": "../../etc/passwd"}, "file is '../../etc/passwd'; it must be the name of a file in weights/"),
        ({"file": "/etc/passwd"}, "must be the name of a file"),
        ({"file": "other/net.safetensors"}, "must be the name of a file"),
        ({"file": "../x", "package": "some-weights"}, "must be a path within the package"),
        ({"role": "prior", "code": Code("net", "conv1", units=10**12)}, "code.units is 1000000000000"),
        ({"role": "prior", "code": Code("net", "conv1", units=4, encoder_size=(10**6, 10**6))}, r"encoder_size is \[1000000, 1000000\]"),
        ({"role": "prior", "code": Code("net", "conv1", units=4, encoder_size=(32,))}, r"encoder_size is \[32\]; it must be"),
    ],
)
def test_wrong_cards_are_refused_with_the_reason(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    path = tmp_path / "net.toml"
    example(**fields).write(path)
    with pytest.raises(CardError, match=message):
        ModelCard.read(path)


def test_labels_may_stand_in_a_text_file_beside_the_card(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    example(labels=()).write(path)
    path.write_text('labels = "animals.txt"\n' + path.read_text())
    with pytest.raises(CardError, match=r"animals\.txt"):
        ModelCard.read(path)
    (tmp_path / "animals.txt").write_text("cat\ndog\n")
    assert ModelCard.read(path).labels == ("cat", "dog")


def test_unknown_and_missing_fields_and_broken_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    example().write(path)
    text = path.read_text()
    path.write_text("colour = 1\n" + text)
    with pytest.raises(CardError, match="colour"):
        ModelCard.read(path)
    path.write_text(text.replace('file = "net.safetensors"\n', ""))
    with pytest.raises(CardError, match="file"):
        ModelCard.read(path)
    path.write_text("= nonsense")
    with pytest.raises(CardError, match="not a TOML file"):
        ModelCard.read(path)


@pytest.mark.parametrize("labels", ["../other.txt", "/etc/passwd", "..", "a/b.txt", ""])
def test_labels_stay_beside_the_card(tmp_path: Path, labels: str) -> None:
    (tmp_path / "other.txt").write_text("cat\ndog\n")
    path = tmp_path / "cards" / "net.toml"
    path.parent.mkdir()
    example(labels=()).write(path)
    path.write_text(f'labels = "{labels}"\n' + path.read_text())
    with pytest.raises(CardError):
        ModelCard.read(path)


@pytest.mark.parametrize(
    "fields",
    [
        {"preprocessing": {"size": 3}},
        {"preprocessing": {"size": [64, 64], "mean": 0.5}},
        {"preprocessing": "none"},
        {"file": 3},
        {"taps": [{"name": "fc8", "shape": 2}]},
        {"taps": 3},
        {"labels": 3},
        {"code": 3},
        {"options": 3},
    ],
    ids=str,
)
def test_fields_of_another_type_are_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    path = tmp_path / "net.toml"
    example().write(path)
    path.write_text(tomli_w.dumps({**tomllib.loads(path.read_text()), **fields}))
    with pytest.raises(CardError, match=re.escape(str(path))):
        ModelCard.read(path)


def test_sha256_is_the_standard_one(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
