"""Whole training runs, tiny but real: photographs in, a served model out; killed and resumed, the same weights."""

import json
from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import tomli_w
import torch
from dgnam_models import Generator, Network, commands
from dgnam_models import photographs as photographs_
from dgnam_models.codes import of_photographs
from dgnam_models.errors import RecipeError
from dgnam_models.lab.train import checkpoint, config, loop
from dgnam_models.lab.train.config import RECIPES
from dgnam_models.lab.train.jitter import jitter
from dgnam_models.lab.train.run import Run
from PIL import Image

CLASSIFIER = {
    "name": "colours",
    "kind": "classifier",
    "description": "tells colours",
    "architecture": "alexnet",
    "image_size": 16,
    "steps": 30,
    "batch": 24,
    "learning_rate": 3e-3,
    "warmup_steps": 2,
    "crop_px": 1,
    "checkpoint_every": 10,
    "parameters": {"channels": [8, 8, 8, 8, 8], "hidden": [16, 12], "image_size": 16, "dropout": 0.1},
}
GENERATOR = {
    "name": "colours-prior",
    "kind": "generator",
    "description": "draws colours",
    "architecture": "upconv",
    "image_size": 16,
    "steps": 12,
    "batch": 8,
    "learning_rate": 1e-3,
    "betas": [0.5, 0.99],
    "warmup_steps": 2,
    "crop_px": 1,
    "checkpoint_every": 4,
    "parameters": {"hidden": 16, "seed_channels": 8, "channels": [8, 8]},
    "generator": {
        "encoder": "colours",
        "tap": "relu6",
        "comparator_taps": ["pool1", "pool5"],
        "image_weight": 4.0,
        "feature_weight": 1.0,
        "adversarial_weight": 0.05,
        "adversarial_from_step": 4,
        "discriminator_every": 2,
        "discriminator_width": 4,
        "average_decay": 0.9,
        "jitter_px": 1.0,
        "start_learning_rate": 0.2,
    },
}


DENOISER = {
    "name": "colours-denoiser",
    "kind": "denoiser",
    "description": "knows the codes of colours",
    "architecture": "denoiser",
    "image_size": 16,
    "steps": 60,
    "batch": 16,
    "learning_rate": 3e-3,
    "warmup_steps": 2,
    "crop_px": 1,
    "checkpoint_every": 30,
    "parameters": {"components": 3, "width": 16, "blocks": 1},
    "denoiser": {"prior": "colours-prior", "tap": "fc6", "average_decay": 0.9},
}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, told apart by their colour."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    for number, name in enumerate(("red", "green", "blue")):
        (folder / name).mkdir()
        for i in range(20):
            pixels = random.integers(0, 100, (16, 16, 3))
            pixels[..., number] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


def main(arguments: list[str]) -> int:
    return commands.main(["train", *arguments])


def recipe_file(folder: Path, recipe: dict[str, object]) -> str:
    path = folder / f"{recipe['name']}.toml"
    path.write_text(tomli_w.dumps(recipe))
    return str(path)


@pytest.fixture(scope="module")
def trained(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the colours classifier."""
    folder = tmp_path_factory.mktemp("run")
    arguments = [recipe_file(folder, CLASSIFIER), "--data", str(photographs), "--run-dir", str(folder / "run"), "--device", "cpu"]
    assert main(arguments) == 0
    return folder / "run"


def weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    model = dgnam_models.load(name, packs=[run / "pack"])
    return model.module.state_dict()


def test_a_run_learns_and_exports_a_model_that_loads(trained: Path, photographs: Path) -> None:
    network = dgnam_models.load("colours", packs=[trained / "pack"])
    assert isinstance(network, Network)
    assert network.card.labels == ("blue", "green", "red")
    assert network.card.training["figures"]["val_top1"] >= 0.9
    everything = photographs_.read([photographs], 16, progress=False)
    hits = network.logits(photographs_.as_float(everything.pixels)).argmax(1) == everything.labels
    assert hits.float().mean() > 0.9
    assert (trained / "pack" / "weights" / "colours.safetensors").stat().st_mode & 0o777 == 0o644
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert {record["step"] for record in log} >= {0, 20, 9, 19, 29}
    assert sorted(path.name for path in trained.glob("grid-*.png")) == ["grid-000010.png", "grid-000020.png", "grid-000030.png"]


def test_a_generator_trains_against_the_exported_encoder(trained: Path, photographs: Path, tmp_path: Path) -> None:
    arguments = [recipe_file(tmp_path, GENERATOR), "--data", str(photographs), "--run-dir", str(tmp_path / "run"), "--device", "cpu"]
    assert main([*arguments, "--models", str(trained / "pack")]) == 0
    prior = dgnam_models.load("colours-prior", packs=[tmp_path / "run" / "pack"])
    assert isinstance(prior, Generator)
    assert prior.code_size == 16
    assert prior(torch.rand(2, 16)).shape == (2, 3, 16, 16)
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"val_image", "val_pool1", "val_relu6", "val_top1"} <= records[-1].keys()
    _statistics_are_those_of_the_codes(prior, trained, photographs)


def _statistics_are_those_of_the_codes(prior: Generator, trained: Path, photographs: Path) -> None:
    encoder = dgnam_models.load("colours", packs=[trained / "pack"])
    assert isinstance(encoder, Network)
    _, held_out = photographs_.read([photographs], 16, progress=False).split(every=20)
    codes = of_photographs(encoder, "relu6", held_out)
    torch.testing.assert_close(prior.code_mean, codes.mean(0), rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(prior.code_std, codes.std(0), rtol=1e-3, atol=1e-6)


class Killed(Exception):
    pass


def test_a_denoiser_is_added_to_its_prior(trained: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--data", str(photographs), "--device", "cpu", "--models", str(trained / "pack")]
    assert main([recipe_file(tmp_path, GENERATOR), *common, "--run-dir", str(tmp_path / "prior")]) == 0
    run, packs = tmp_path / "run", [*common, str(tmp_path / "prior" / "pack")]
    assert main([recipe_file(tmp_path, DENOISER), *packs, "--run-dir", str(run)]) == 0
    bare, prior = (dgnam_models.load("colours-prior", packs=[folder / "pack"]) for folder in (tmp_path / "prior", run))
    assert isinstance(bare, Generator)
    assert isinstance(prior, Generator)
    assert bare.denoiser is None
    assert prior.denoiser is not None
    code = torch.rand(2, 16)
    assert torch.equal(prior(code), bare(code)), "it draws what it drew before"
    assert prior.card.code == bare.card.code
    figures = prior.card.training["denoiser"]["figures"]
    assert figures["val_error"] < 0.9, "three colours are not one Gaussian"
    assert 0.5 < figures["variance_kept"] <= 1
    encoder = dgnam_models.load("colours", packs=[trained / "pack"])
    assert isinstance(encoder, Network)
    codes = of_photographs(encoder, "fc6", photographs_.read([photographs], 16, progress=False))
    latents = prior.denoiser.encode(codes)
    torch.testing.assert_close(latents.std(0), torch.ones(3), rtol=0.2, atol=0)
    assert latents.mean(0).abs().max() < 0.3
    assert (run / "grid-000060.png").is_file()
    other = {**DENOISER, "denoiser": {**DENOISER["denoiser"], "tap": "fc7"}}  # type: ignore[dict-item]
    assert main([recipe_file(tmp_path, other), *packs, "--run-dir", str(tmp_path / "other")]) == 2
    assert "fc7 has 12 units, the code of colours-prior 16" in capsys.readouterr().err


def test_a_checkpoint_can_be_exported_before_the_run_ends(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_file(tmp_path, CLASSIFIER)
    arguments = [recipe, "--data", str(photographs), "--run-dir", str(tmp_path / "run"), "--device", "cpu"]
    assert main([*arguments, "--export-only"]) == 2, "there is nothing to export yet"

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_export", die)
        with pytest.raises(Killed):
            main(arguments)
    assert not (tmp_path / "run" / "pack").exists()
    assert main([*arguments, "--export-only"]) == 0
    assert dgnam_models.load("colours", packs=[tmp_path / "run" / "pack"]).card.training["steps"] == 30


@pytest.mark.parametrize("kind", ["classifier", "generator"])
def test_killed_and_resumed_equals_uninterrupted(
    kind: str, trained: Path, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = CLASSIFIER if kind == "classifier" else GENERATOR
    (recipe,) = config.read(recipe_file(tmp_path, settings))

    def run(folder: Path) -> Run:
        return Run(folder, [photographs], packs=[trained / "pack"], progress=False)

    loop.train(recipe, run(tmp_path / "straight"))
    real_save, saves = checkpoint.save, []

    def save_then_die(path: Path, state: dict[str, object]) -> None:
        real_save(path, state)
        saves.append(path)
        if len(saves) == 2:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save", save_then_die)
        with pytest.raises(Killed):
            loop.train(recipe, run(tmp_path / "resumed"))
    loop.train(recipe, run(tmp_path / "resumed"))
    one, other = (weights(tmp_path / name, recipe.name) for name in ("straight", "resumed"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    steps = [
        [json.loads(line)["step"] for line in (tmp_path / name / "log.jsonl").read_text().splitlines()] for name in ("straight", "resumed")
    ]
    assert steps[0] == steps[1]


def test_a_kill_while_saving_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"step": 1, "weights": torch.ones(3)})

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(Killed):
        checkpoint.save(path, {"step": 2})
    state = checkpoint.load(path, torch.device("cpu"))
    assert state is not None
    assert state["step"] == 1
    assert checkpoint.load(tmp_path / "none.pt", torch.device("cpu")) is None


def test_dry_run_writes_nothing(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [recipe_file(tmp_path, CLASSIFIER), "--data", str(photographs), "--run-dir", str(tmp_path / "run"), "--dry-run"]
    assert main(arguments) == 0
    assert not (tmp_path / "run").exists()
    report = json.loads(capsys.readouterr().out)
    assert report["dry_run"]
    assert report["steps"] == 2


def test_a_run_folder_of_another_recipe_is_refused(
    trained: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = recipe_file(tmp_path, {**CLASSIFIER, "batch": 8})
    assert main([changed, "--data", str(photographs), "--run-dir", str(trained)]) == 2
    assert "choose a new --run-dir" in capsys.readouterr().err


def test_encoder_and_prior_of_one_recipe_become_one_pack(photographs: Path, tmp_path: Path) -> None:
    parts = {"encoder": {**CLASSIFIER}, "prior": {**GENERATOR}}
    for part in parts.values():
        del part["name"], part["kind"]
    recipe = recipe_file(tmp_path, {"name": "mine", **parts})
    changes = ["--set", "name=yours", "encoder.steps=4", "prior.steps=6", "prior.generator.adversarial_from_step=2"]
    arguments = [recipe, *changes, "--data", str(photographs), "--run-dir", str(tmp_path / "run"), "--device", "cpu"]
    assert main([*arguments, "--dry-run"]) == 0
    assert not (tmp_path / "run").exists()
    assert main(arguments) == 0
    pack = tmp_path / "run" / "pack"
    prior = dgnam_models.load("yours-prior", packs=[pack])
    assert prior.card.code is not None
    assert (prior.card.code.encoder, prior.card.training["steps"]) == ("yours-encoder", 6)
    assert dgnam_models.load("yours-encoder", packs=[pack]).card.training["steps"] == 4


def test_a_run_can_start_from_the_weights_of_another(
    trained: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(photographs), "--device", "cpu", "--set", "learning_rate=1e-9", "steps=1"]
    recipe = recipe_file(tmp_path, CLASSIFIER)
    assert main([recipe, *arguments, "--run-dir", str(tmp_path / "on"), "--start-from", str(trained)]) == 0
    one, other = weights(trained, "colours"), weights(tmp_path / "on", "colours")
    torch.testing.assert_close(one["stages.fc8.weight"], other["stages.fc8.weight"], rtol=1e-2, atol=1e-3)
    wider = recipe_file(tmp_path, {**CLASSIFIER, "parameters": {**CLASSIFIER["parameters"], "hidden": [20, 12]}})  # type: ignore[dict-item]
    assert main([wider, *arguments, "--run-dir", str(tmp_path / "wider"), "--start-from", str(trained)]) == 0
    kept = [line for line in capsys.readouterr().out.splitlines() if "but for" in line]
    assert len(kept) == 1
    assert "stages.fc6.2.linear.weight" in kept[0]
    assert "conv1" not in kept[0]
    assert main([recipe, *arguments, "--run-dir", str(tmp_path / "new"), "--start-from", str(tmp_path)]) == 2


def test_an_encoder_larger_than_the_pictures_is_refused(
    trained: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = recipe_file(tmp_path, {**CLASSIFIER, "image_size": 32, "parameters": {**CLASSIFIER["parameters"], "image_size": 32}})  # type: ignore[dict-item]
    arguments = ["--data", str(photographs), "--device", "cpu", "--set", "steps=1"]
    assert main([large, *arguments, "--run-dir", str(tmp_path / "large")]) == 0
    prior = [recipe_file(tmp_path, GENERATOR), *arguments, "--run-dir", str(tmp_path / "run")]
    assert main([*prior, "--models", str(tmp_path / "large" / "pack")]) == 2
    assert "colours takes 32x32 pixels; image_size is 16" in capsys.readouterr().err


def test_jitter_moves_all_pictures_alike_within_its_limits() -> None:
    torch.manual_seed(0)
    across = torch.linspace(0, 1, 16).expand(40, 1, 16, 16)  # a ramp: the picture's value tells the place
    one, other = jitter((across, across.transpose(2, 3)), 2.0, 0.0, 0.0)
    moved = (one[:, 0, 8, 4:12] - across[:, 0, 8, 4:12]) * 15
    torch.testing.assert_close(moved.amax(1), moved.amin(1), atol=1e-4, rtol=0)
    assert 1.5 < moved.abs().max() <= 2.0001
    torch.testing.assert_close(other[:, 0, 8], one[:, 0, 8].new_tensor(range(16)).expand(40, 16) * 0 + other[:, 0, 8, :1])
    same, again = jitter((across, across), 2.0, 0.3, 20.0)
    assert torch.equal(same, again)
    assert not torch.equal(same[0], same[1])


def test_recipes_may_be_based_on_others(tmp_path: Path) -> None:
    base = recipe_file(tmp_path, GENERATOR)
    (recipe,) = config.read(recipe_file(tmp_path, {"name": "other", "based_on": base, "generator": {"tap": "relu7"}, "steps": 5}))
    assert recipe.generator is not None
    assert (recipe.name, recipe.steps, recipe.batch, recipe.generator.tap) == ("other", 5, 8, "relu7")
    assert recipe.generator.comparator_taps == ("pool1", "pool5")
    (tmp_path / "loop.toml").write_text(f'name = "loop"\nbased_on = "{tmp_path / "loop.toml"}"')
    with pytest.raises(RecipeError, match="based on each other"):
        config.read(str(tmp_path / "loop.toml"))


@pytest.mark.parametrize(
    ("change", "message"),
    [("steps", "field=value"), ("steps=0", "steps is 0"), ("name.x=1", "name is no table"), ("colours=3", "colours")],
)
def test_changes_that_cannot_be_made(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        config.read(recipe_file(tmp_path, CLASSIFIER), [change])


def test_a_recipe_for_two_needs_both(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="check prior, steps"):
        config.read(recipe_file(tmp_path, {"name": "mine", "encoder": {"based_on": "alexnet64"}, "steps": 3}))


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"steps": 0, "batch": -1, "image_size": 40}, ["steps is 0", "batch is -1", "multiple of 16"]),
        ({"kind": "painter"}, ["kind is 'painter'"]),
        ({"generator": GENERATOR["generator"]}, ["goes with kind = 'generator'"]),
        ({"colours": 3}, ["colours"]),
        ({"label_smoothing": 1.0}, ["label_smoothing is 1.0"]),
    ],
)
def test_bad_recipes_say_everything_that_is_wrong(tmp_path: Path, changes: dict[str, object], messages: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        config.read(recipe_file(tmp_path, {**CLASSIFIER, **changes}))
    for message in messages:
        assert message in str(refused.value)


def test_unknown_recipe_and_encoder_say_what_there_is(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing", "--data", str(photographs), "--run-dir", str(tmp_path)]) == 2
    assert "neither a file nor one of alexnet64" in capsys.readouterr().err
    recipe = recipe_file(tmp_path, {**GENERATOR, "generator": {**GENERATOR["generator"], "encoder": "nobody"}})  # type: ignore[dict-item]
    assert main([recipe, "--data", str(photographs), "--run-dir", str(tmp_path / "run")]) == 2
    assert "unknown model 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_bundled_recipes_are_sound(path: Path) -> None:
    recipes = config.read(path.stem)
    assert [recipe.name for recipe in recipes] in ([path.stem], [f"{path.stem}-encoder", f"{path.stem}-prior"])
