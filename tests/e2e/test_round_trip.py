"""Client, wire, server, engine and models together."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import AsyncClient, Client, Direction, Features, InvalidRequestError, Progress, Queued, Result, Started, Unit
from PIL import Image

LEMON = "tiny:fc8:lemon"


def drawn(outcome: Any) -> Result:
    assert isinstance(outcome, Result)
    return outcome


def test_a_picture_and_everything_about_it(server: Any) -> None:
    with server.client() as client:
        result = drawn(client.synthesize(LEMON, seed=3, steps=30))
    assert result.image.size == (32, 32)
    assert result.array.shape == (32, 32, 3)
    assert result.history.shape == (30, 1)
    assert result.code.shape == (24,)
    assert result.activation == pytest.approx(float(result.history[-1, 0]))
    assert result.history[-1, 0] > result.history[0, 0]
    np.testing.assert_allclose(np.asarray(result.image) / 255, result.array.clip(0, 1), atol=0.5 / 255 + 1e-6)
    assert result.recipe.seed == 3


def test_a_replayed_recipe_draws_the_same_picture(server: Any, tmp_path: Path) -> None:
    with server.client() as client:
        first = drawn(
            client.synthesize([LEMON, "tiny:conv3:2@1,1", "tiny-res:fc:koala"], balance="gradient-norm", steps=15, determinism="strict")
        )
        first.save(tmp_path / "lemon.png", recipe=True)
        again = client.replay(tmp_path / "lemon.json")
        np.testing.assert_array_equal(again.array, first.array)
        assert again.recipe.to_json() == first.recipe.to_json()
        assert set(json.loads((tmp_path / "lemon.json").read_text())["model_digests"]) == {"tiny", "tiny-res", "tiny-prior"}


def test_variants_are_the_seeds_that_follow(server: Any) -> None:
    with server.client() as client:
        many = client.synthesize(LEMON, seed=5, variants=3, steps=10)
        assert isinstance(many, list)
        alone = drawn(client.synthesize(LEMON, seed=7, steps=10))
    assert [result.recipe.seed for result in many] == [5, 6, 7]
    np.testing.assert_allclose(many[2].array, alone.array, rtol=1e-2, atol=1e-2)


def test_a_start_image_gives_its_own_code(server: Any) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    with server.client() as client:
        result = drawn(client.synthesize(LEMON, start=image, steps=1))
        again = drawn(client.synthesize(LEMON, start=result.code, steps=1))
    assert (result.code >= 0).all()
    np.testing.assert_allclose(again.array, result.array, rtol=1e-4, atol=1e-5)


def test_a_stream_tells_what_happens(server: Any) -> None:
    with server.client() as client:
        events = list(client.stream(LEMON, steps=400, preview_interval=50))
    assert isinstance(events[0], Queued)
    assert isinstance(events[1], Started)
    assert isinstance(events[-1], Result)
    moves = [state for event in events if isinstance(event, Progress) for state in event.variants]
    assert [state.step for state in moves] == sorted(state.step for state in moves)
    assert any(state.preview is not None for state in moves)


def test_pixels_replay_to_the_same_bits(server: Any, tmp_path: Path) -> None:
    with server.client() as client:
        first = drawn(client.synthesize_pixels([LEMON, "tiny-res:fc:koala"], steps=6, tv_weight=0.1, seed=3, determinism="strict"))
        first.save(tmp_path / "lemon.png")
        again = client.replay(tmp_path / "lemon.json")
        refined = drawn(client.synthesize_pixels(LEMON, start=drawn(client.synthesize(LEMON, steps=5)), steps=1))
        events = list(client.stream_pixels(LEMON, method="lucid", steps=4, size=(40, 36)))
    np.testing.assert_array_equal(again.array, first.array)
    assert again.recipe == first.recipe
    assert (first.recipe.seed, first.recipe.target) == (3, f"{LEMON}+tiny-res:fc:koala")
    assert refined.array.std() > 0.01
    assert isinstance(events[-1], Result)
    assert events[-1].array.shape == (40, 36, 3)


def test_pixels_become_like_a_picture_to_the_network(server: Any, tmp_path: Path) -> None:
    """Features as the target (Pan et al. 2017, eq. 4), and a direction, with their recipes."""
    wanted = Image.effect_noise((32, 32), 80).convert("RGB")
    with Client(server.address) as client:
        target = Unit("tiny", "pool1", Features(wanted))
        result = drawn(client.synthesize_pixels(target, steps=40, method="normalized", shift_px=0, crop=0, determinism="strict"))
        assert result.history[0, 0] < -0.3 and result.activation > 0.7 * result.history[0, 0]
        result.save(tmp_path / "like.png", recipe=True)
        assert drawn(client.replay(tmp_path / "like.json")).png == result.png
        along, unit = (
            drawn(client.synthesize_pixels(Unit("tiny", "fc8", what), steps=3, determinism="strict"))
            for what in (Direction([0, 0, 1, 0, 0, 0, 0]), 2)
        )
        np.testing.assert_allclose(along.array, unit.array, atol=1e-4)


def test_pixels_are_refused_by_name(server: Any) -> None:
    with server.client() as client, pytest.raises(InvalidRequestError) as wrong:
        client.synthesize_pixels(LEMON, bound_multiplier=2, tv_wieght=1, momentum=3)
    assert {field for field, _ in wrong.value.violations} == {"options.bound_multiplier", "options.tv_wieght", "options.momentum"}


async def test_asyncio_client_draws_pixels(server: Any) -> None:
    async with AsyncClient(server.address) as client:
        result = drawn(await client.synthesize_pixels(LEMON, steps=3))
        many = await client.synthesize_pixels_many([LEMON, "tiny:fc8:koala"], steps=3, variants=2)
        events = [event async for event in client.stream_pixels(LEMON, steps=3)]
    assert result.array.shape == (32, 32, 3)
    assert [len(one) for one in many] == [2, 2]
    assert isinstance(events[-1], Result)


async def test_asyncio_client(server: Any) -> None:
    async with AsyncClient(server.address) as client:
        result = drawn(await client.synthesize(LEMON, steps=5))
        assert "tiny" in [model.name for model in await client.models()]
    assert result.image.size == (32, 32)


def test_units_and_models(server: Any) -> None:
    with server.client() as client:
        units = client.units("tiny")
        assert [unit.label for unit in units] == ["goldfish", "school bus", "lemon", "teapot", "koala", "go-kart", "ice cream"]
        assert len(client.units("tiny", "conv3")) == 8
        assert client.model("tiny").output_tap == "fc8"


def test_a_hidden_unit_is_cut_to_what_it_sees(server: Any, tmp_path: Path) -> None:
    """Nothing outside of the receptive field that the server tells of moves the unit."""
    with server.client() as client:
        field = client.receptive_field("tiny", "conv2")
        assert field is not None and client.receptive_field("tiny", "fc6") is None
        box = field.box((2, 2))
        result = drawn(client.synthesize("tiny:conv2:2@2,2", steps=5))
        result.save(tmp_path / "cut.png", box=box)
        greyed = np.full((32, 32, 3), 128, np.uint8)
        greyed[box.top : box.bottom, box.left : box.right] = np.asarray(result.image)[box.top : box.bottom, box.left : box.right]
        whole, alone = client.activations([result.image, Image.fromarray(greyed)], "tiny:conv2:2@2,2").array
    assert whole == pytest.approx(alone, rel=1e-2)
    with Image.open(tmp_path / "cut.png") as cut:
        assert cut.size == (box.right - box.left, box.bottom - box.top) and cut.size < (32, 32)


def test_command_line(server: Any, tmp_path: Path) -> None:
    def dgnam(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dgnam_client", *arguments, "--server", server.address]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    targets = [LEMON, "tiny:fc8:school_bus+tiny:fc8:go-kart"]
    done = dgnam("synth", *targets, "--steps", "5", "-o", str(tmp_path / "out"), "--grid", str(tmp_path / "sheet.png"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] > 100
    done = dgnam("synth", "--method", "tv", "--tv-weight", "0.2", LEMON, "--steps=4", "--size", "40", "-o", str(tmp_path / "tv.png"))
    assert done.returncode == 0, done.stderr
    assert "tv_weight" in (tmp_path / "tv.json").read_text()
    stray = dgnam("synth", LEMON, "--tv-weight", "0.2")
    assert stray.returncode == 2
    assert "--tv-weight is not an option of dgn-am, but of pyramid" in stray.stderr
    helped = dgnam("synth", "--method", "tv", "--help")
    assert helped.returncode == 0 and "--tv-weight" in helped.stdout.partition("options of tv:")[2]
    assert dgnam("doctor").returncode == 0
    refused = dgnam("synth", "tiny:fc8:lemmon")
    assert refused.returncode == 2
    assert "did you mean lemon" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_client_for_each_thread_or_one_for_all(server: Any) -> None:
    with Client(server.address) as client:
        outcomes = client.synthesize_many([f"tiny:fc8:{unit}" for unit in range(7)], steps=10, concurrency=7)
    assert all(isinstance(outcome, Result) for outcome in outcomes)


def test_draw_gives_the_picture_of_a_result_s_code(server: Any) -> None:
    with server.client() as client:
        result = drawn(client.synthesize(LEMON, seed=3, steps=5))
        one = client.draw(result.code)
        first, second = client.draw(np.stack([result.code, 0 * result.code]))
    np.testing.assert_allclose(one.array, result.array, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(first.array, one.array, rtol=1e-2, atol=1e-2)
    assert np.abs(second.array - one.array).max() > 0.01


def test_activations_are_those_that_a_result_reports(server: Any) -> None:
    with server.client() as client:
        result = drawn(client.synthesize(LEMON, seed=3, steps=30))
        found = client.activations(result.image, ["tiny:fc8:lemon", "tiny:fc8", "tiny:conv3", "tiny:conv3:2@1,1"])
        whole, position = found["tiny:conv3"], found["tiny:conv3:2@1,1"]
    assert float(found["tiny:fc8:lemon"]) == pytest.approx(result.activation, rel=0.05), "the picture has lost what 8 bits do not hold"
    assert found["tiny:fc8"].ndim == 1
    assert whole[2, 1, 1] == position


async def test_draw_and_activations_in_asyncio(server: Any) -> None:
    async with AsyncClient(server.address) as client:
        picture = await client.draw(np.zeros(24, np.float32))
        found = await client.activations([picture, picture], "tiny")
    assert found["tiny"].shape[0] == 2


def test_draw_and_activations_from_the_command_line(server: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "code.npy", np.zeros((2, 24), np.float32))

    def dgnam(*arguments: str) -> str:
        command = [sys.executable, "-m", "dgnam_client", *arguments, "--server", server.address]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    dgnam("draw", "code.npy", "-o", "drawn/")
    pictures = sorted(str(path) for path in (tmp_path / "drawn").glob("*.png"))
    assert len(pictures) == 2
    assert "tiny:fc8" in dgnam("activations", pictures[0], "tiny:fc8", "--json")
