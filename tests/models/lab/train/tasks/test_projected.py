"""Whole runs of projected training, tiny but real: shapes in, a prior out that draws."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import dgnam_models
import pytest
import tomli_w
import torch
from dgnam_models import Generator, commands, pack
from dgnam_models.errors import RecipeError, TrainingError
from dgnam_models.importers import projected as outside
from dgnam_models.lab.train import checkpoint, config, loop, tasks
from dgnam_models.lab.train.ascended import ANY
from dgnam_models.lab.train.coded import CodedPhotographs
from dgnam_models.lab.train.config import Projected, Recipe
from dgnam_models.lab.train.run import Run
from dgnam_models.lab.train.tasks.projected import ProjectedTask, coarsened
from dgnam_models.preprocess import resize
from safetensors.torch import save_file
from tiny_lite import SIDE, STAND_IN, encoder, shapes

SETTINGS = Projected(
    encoder="",
    tap="head2x2",
    encoder_size=SIDE,
    feature_taps=("block2b", "block3b", "block5c", "block7a"),
    fine_tap="relu_stem",
    critic_halvings=(2, 1, 1, 0),
    critic_width=8,
    fine_width=6,
    average_decay=0.9,
    jitter_px=1.0,
    jitter_scale=0.1,
    jitter_colour=1.0,
    ascended_size=SIDE,
    statistics_components=4,
)
RECIPE = Recipe(
    name="tiny-projected",
    kind="projected",
    description="draws shapes",
    architecture="upconv2x2",
    parameters={"reduced": 6, "hidden": 8, "channels": [8, 8, 8], "grain": 2},
    image_size=16,
    steps=6,
    batch=8,
    learning_rate=1e-3,
    betas=(0.0, 0.99),
    warmup_steps=2,
    constant_share=0.5,
    crop_px=0,
    checkpoint_every=2,
)
Lite = tuple[str, list[Path]]


class Stays(NamedTuple):
    """An ascent that only tells where it would begin."""

    moved: Callable[..., torch.Tensor]


Assemble = Callable[..., tuple[ProjectedTask, CodedPhotographs, CodedPhotographs]]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes(tmp_path_factory.mktemp("photographs"), {"large": 40, "small": 10})


@pytest.fixture(scope="module", params=[STAND_IN, pytest.param("efficientnet-lite0", marks=pytest.mark.slow)])
def lite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lite:
    """Where the frozen network is: its name and packs."""
    return encoder(request.param, tmp_path_factory.mktemp("lite"))


@pytest.fixture(scope="module")
def recipe(lite: Lite) -> Recipe:
    return replace(RECIPE, projected=replace(SETTINGS, encoder=lite[0]))


def changed(recipe: Recipe, **changes: object) -> Recipe:
    assert recipe.projected is not None
    return replace(recipe, projected=replace(recipe.projected, **changes))


@pytest.fixture(scope="module")
def finished(recipe: Recipe, lite: Lite, photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was not disturbed."""
    folder = tmp_path_factory.mktemp("finished")
    loop.train(recipe, Run(folder, [photographs], packs=lite[1], progress=False))
    return folder


@pytest.fixture
def assembled(lite: Lite, photographs: Path, tmp_path: Path) -> Assemble:
    def assemble(recipe: Recipe) -> tuple[ProjectedTask, CodedPhotographs, CodedPhotographs]:
        run = Run(tmp_path / "run", [photographs], packs=lite[1], progress=False)
        training, held_out = tasks.photographs(recipe, run)
        task = tasks.assemble(recipe, run, training)
        assert isinstance(task, ProjectedTask)
        return task, training, held_out

    return assemble


def test_a_run_leaves_a_prior_that_draws(finished: Path, lite: Lite) -> None:
    prior = dgnam_models.load("tiny-projected", packs=[finished / "pack", *lite[1]])
    assert isinstance(prior, Generator) and pack.problems(prior) == []
    code = prior.card.code
    assert code is not None and (code.encoder, code.tap, code.encoder_size) == (lite[0], "head2x2", (SIDE, SIDE))
    assert (prior.image_size, prior.card.fit) == ((16, 16), "resize")
    assert prior.code_components is not None and prior.code_components.shape == (4, prior.code_size)
    one, other = prior(torch.stack([prior.code_mean, prior.code_mean + 2 * prior.code_std]))
    assert one.isfinite().all() and not torch.equal(one, other)
    assert {"val_layout", "val_feature", "val_code", "val_top5"} == prior.card.training["figures"].keys()
    assert prior.card.training["images"] == 22 and prior.card.training["validation_images"] == 2


@pytest.mark.parametrize(("tap", "places", "signed"), [("pool", 1, False), ("block4c", 2, True)])
def test_codes_of_other_layers_have_priors_too(
    tap: str, places: int, signed: bool, recipe: Recipe, lite: Lite, photographs: Path, tmp_path: Path
) -> None:
    """One place, or a block's map of two by two, whose units may be negative."""
    recipe = replace(changed(recipe, tap=tap, ascended_share=0.25), steps=2, parameters={**RECIPE.parameters, "places": places})
    loop.train(recipe, Run(tmp_path / "run", [photographs], packs=lite[1], progress=False))
    prior = dgnam_models.load("tiny-projected", packs=[tmp_path / "run" / "pack", *lite[1]])
    assert isinstance(prior, Generator) and prior.card.code is not None
    assert (prior.card.code.tap, prior.card.code.signed) == (tap, signed)
    assert prior(prior.code_mean[None]).isfinite().all()


def test_a_code_is_not_taken_for_one_of_other_places(recipe: Recipe, assembled: Assemble) -> None:
    with pytest.raises(RecipeError, match=r"parameters.places is 2; block3b of .* has 4x4 places"):
        assembled(changed(recipe, tap="block3b"))


def test_what_is_exported_is_the_average_with_statistics_of_its_own(
    finished: Path, lite: Lite, assembled: Assemble, recipe: Recipe
) -> None:
    """Of a run this short the averaged statistics of normalization are far from right; measured ones give codes' pictures their range."""
    task, training, _ = assembled(recipe)
    state = checkpoint.load(finished / "checkpoint.pt", torch.device("cpu"))
    assert state is not None
    task.restore(state["task"])
    prior = dgnam_models.load("tiny-projected", packs=[finished / "pack", *lite[1]])
    codes = training.codes(torch.arange(22), torch.zeros(22, dtype=torch.bool))
    wanted = task.preprocess.decode(task.average.train()(codes))  # one batch of all: its statistics are the measured ones
    unmeasured = task.preprocess.decode(task.average.eval()(codes))
    assert (prior(codes) - wanted).abs().mean() < 0.1 * (unmeasured - wanted).abs().mean()  # float16, and a batch's unbiased variance
    torch.testing.assert_close(prior.code_mean, codes.mean(0), atol=0.3, rtol=0.3)  # every second one's mirror image is in it


def test_it_leaves_a_log_to_read_and_sheets_to_look_at(finished: Path) -> None:
    records = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    assert {"layout", "feature", "adversarial", "critic", "logit_real", "logit_drawn", "weight"} < records[0].keys()
    assert all(math.isfinite(value) for record in records for value in record.values())
    lines = (finished / "log.txt").read_text().splitlines()
    assert len(lines) == len(records) and lines[0].startswith("step 0  ") and f"feature {records[0]['feature']:.4f}" in lines[0]
    assert sorted(path.name for path in finished.glob("grid-*.png")) == ["grid-000002.png", "grid-000004.png", "grid-000006.png"]


class Killed(Exception):
    pass


def equal(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor) else one == other


@pytest.mark.parametrize(
    "changes",
    [pytest.param({}, marks=pytest.mark.slow), {"ascended_share": 0.5, "drawn_share": 0.5, "pixel_width": 6, "full_size_share": 0.5}],
    ids=["plain", "with all"],
)
def test_killed_and_resumed_it_ends_with_the_same_bits(
    changes: dict[str, float], recipe: Recipe, lite: Lite, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the checkpoint of step 4, of which nothing is exported, and stopped by the clock after step 5."""
    recipe = changed(recipe, **changes)
    straight, resumed = (Run(tmp_path / name, [photographs], packs=lite[1], progress=False) for name in ("straight", "resumed"))
    assert loop.train(recipe, straight).training["steps"] == 6
    real, saves = checkpoint.save, []

    def save_then_die(path: Path, held: dict[str, object]) -> None:
        real(path, held)
        saves.append(path)
        if len(saves) == 2:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save", save_then_die)
        with pytest.raises(Killed):
            loop.train(recipe, resumed)
    assert loop.train(recipe, replace(resumed, minutes=0.0)).training["steps"] == 5
    assert loop.train(recipe, resumed).training["steps"] == 6
    one, other = (checkpoint.load(run.folder / "checkpoint.pt", torch.device("cpu")) for run in (straight, resumed))
    assert one is not None and other is not None and equal(one["task"], other["task"])
    drawn = [dgnam_models.load("tiny-projected", packs=[run.folder / "pack"]) for run in (straight, resumed)]
    assert equal(drawn[0].state_dict(), drawn[1].state_dict())


def test_a_collapse_stops_the_run_and_the_last_checkpoint_stays(
    recipe: Recipe, photographs: Path, lite: Lite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run", [photographs], packs=lite[1], progress=False)
    real_step = ProjectedTask.step

    def sabotaged(task: ProjectedTask, training: CodedPhotographs, step: int) -> dict[str, torch.Tensor]:
        if step == 3:
            next(task.module.parameters()).data.fill_(math.nan)
        return real_step(task, training, step)

    monkeypatch.setattr(ProjectedTask, "step", sabotaged)
    with pytest.raises(TrainingError, match=r"step 3: not finite: generator, critic, .*The last checkpoint is kept"):
        loop.train(recipe, run)
    state = checkpoint.load(run.folder / "checkpoint.pt", torch.device("cpu"))
    assert state is not None and state["step"] == 2
    assert all(value.isfinite().all() for value in state["task"]["module"].values())
    assert loop.train(recipe, replace(run, export_only=True)).training["steps"] == 2


def test_learning_brings_what_is_drawn_closer_to_the_photographs(recipe: Recipe, assembled: Assemble) -> None:
    recipe = replace(changed(recipe, layout_weight=20.0, adversarial_from_step=120), steps=400, learning_rate=5e-3)
    task, training, _ = assembled(recipe)
    before = task.evaluate(training)
    for step in range(120):
        torch.manual_seed(step)
        task.step(training, step)
    after = task.evaluate(training)
    assert after["val_layout"] < 0.85 * before["val_layout"]
    assert after["val_feature"] < 0.92 * before["val_feature"]


def test_each_step_moves_generator_and_critic_and_not_the_network(recipe: Recipe, assembled: Assemble) -> None:
    task, training, _ = assembled(replace(recipe, warmup_steps=0))
    before = {name: {key: value.clone() for key, value in part.state_dict().items()} for name, part in parts(task).items()}
    task.step(training, 0)
    for name, part in parts(task).items():
        own = part.state_dict()
        same = {key for key, value in before[name].items() if torch.equal(own[key], value)}
        if name == "frozen":
            assert same == own.keys()
        else:
            moved = {key for key, _ in part.named_parameters() if not key.endswith("out.bias")}  # both hinges pull at it, perhaps alike
            assert not same & moved, f"{name}: {same & moved}"
    assert all(parameter.grad is None for parameter in task.frozen.parameters())


def parts(task: ProjectedTask) -> dict[str, torch.nn.Module]:
    return {"module": task.module, "critic": task.critic, "frozen": task.frozen}


def test_the_adversarial_term_waits_for_its_step(recipe: Recipe, assembled: Assemble) -> None:
    task, training, _ = assembled(changed(recipe, adversarial_from_step=1))
    figures = task.step(training, 0)
    assert "weight" not in figures and "critic" in figures, "the critic learns meanwhile"
    assert task.step(training, 1)["weight"].item() == task.weight.value


def test_before_its_step_a_generator_does_not_learn_and_its_critic_does(recipe: Recipe, assembled: Assemble) -> None:
    task, training, _ = assembled(changed(recipe, generator_from_step=1, ascended_share=0.25))
    before = {name: [p.detach().clone() for p in module.parameters()] for name, module in parts(task).items()}
    task.step(training, 0)

    def learned(name: str) -> bool:
        return any(not torch.equal(a, b) for a, b in zip(before[name], parts(task)[name].parameters(), strict=True))

    assert learned("critic") and not learned("module")
    task.step(training, 1)
    assert learned("module")


def test_ascents_begin_at_draws_for_their_share(recipe: Recipe, assembled: Assemble) -> None:
    """The wanted class goes with each draw; the other ascents begin at a photograph's code."""
    task, training, _ = assembled(changed(recipe, ascended_share=0.5, drawn_share=0.5))
    batch, starts = task._batch(training, 0), []

    def moved(code: torch.Tensor, draw: object, wanted: torch.Tensor) -> torch.Tensor:
        starts.append((code, wanted))
        return code

    task.ascent = Stays(moved)  # type: ignore[assignment]
    torch.manual_seed(0)
    seen = task._compare(batch)
    ((code, wanted),) = starts
    torch.manual_seed(0)
    drawn, unit = task.draws.take(2)
    assert torch.equal(code, torch.cat([drawn, batch.codes[2:4]])) and wanted[:, 0].tolist() == [*unit[:, 0].tolist(), ANY, ANY]
    assert torch.equal(seen.code, torch.cat([drawn, batch.codes[2:]])) and seen.moved == 4


def test_ascended_rows_are_judged_and_held_by_their_code_and_compared_with_no_photograph(recipe: Recipe, assembled: Assemble) -> None:
    task, training, _ = assembled(changed(recipe, ascended_share=0.5))
    batch = task._batch(training, 0)
    seen = task._compare(batch)
    assert seen.moved == 4
    assert torch.equal(seen.code[4:], batch.codes[4:])
    assert all(not torch.equal(a, b) for a, b in zip(seen.code[:4], batch.codes[:4], strict=True))
    assert seen.code.min() >= 0
    losses = task._losses(seen)
    for name in ("layout", "feature"):
        (gradient,) = torch.autograd.grad(losses[name], seen.drawn, retain_graph=True)
        assert gradient[:4].abs().max() == 0 < gradient[4:].abs().amax((1, 2, 3)).min()
    (gradient,) = torch.autograd.grad(task._code_error(seen), seen.drawn, retain_graph=True)
    assert gradient[4:].abs().max() == 0 < gradient[:4].abs().amax((1, 2, 3)).min()
    (gradient,) = torch.autograd.grad(losses["adversarial"], seen.drawn)
    assert gradient.abs().amax((1, 2, 3)).min() > 0
    assert "code" in task.step(training, 0)


def test_pictures_are_brought_down_and_up_where_photographs_are_enlarged(recipe: Recipe, assembled: Assemble) -> None:
    """Nothing finer than a small photograph shows can be told from what it has: a checkerboard is grey."""
    board = (torch.arange(16)[:, None] + torch.arange(16)).remainder(2).float().expand(1, 3, 16, 16)
    assert (coarsened(board)[..., 2:-2, 2:-2] - 0.5).abs().max() < 0.01
    small = torch.rand(1, 3, 8, 8)
    assert (coarsened(resize(small, (16, 16))) - resize(small, (16, 16))).abs().mean() < 0.1
    task, training, _ = assembled(recipe)
    batch = training.take(torch.tensor([0, 21]), torch.zeros(2, dtype=torch.bool))
    assert batch.coarse.tolist() == [False, True]
    torch.manual_seed(0)
    seen = task._compare(batch)
    (gradient,) = torch.autograd.grad(sum(f.float().square().mean() for f in seen.features), seen.drawn)
    rough = [(g - coarsened(g[None])[0]).norm() / g.norm() for g in gradient]
    assert rough[1] < 0.8 * rough[0]


def test_pixels_are_judged_by_photographs_of_full_size_alone(recipe: Recipe, assembled: Assemble) -> None:
    """Every drawn picture is judged as it is, not as coarse as the photograph of its code, up to its border."""
    task, training, _ = assembled(changed(recipe, pixel_width=6, adversarial_from_step=0))
    batch = training.take(torch.tensor([0, 1, 2, 21]), torch.zeros(4, dtype=torch.bool))
    seen: list[torch.Tensor] = []
    assert task.critic.pixels is not None
    task.critic.pixels.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    compared = task._compare(batch)
    task._teach_critic(compared)
    assert [len(pictures) for pictures in seen] == [3, 4]
    assert torch.equal(seen[0], 2 * batch.images[:3] - 1) and torch.equal(seen[1], 2 * compared.drawn.detach() - 1)
    (gradient,) = torch.autograd.grad(task._losses(compared)["adversarial"], compared.drawn, retain_graph=True)
    task.critic.pixels = None
    (without,) = torch.autograd.grad(task._losses(compared)["adversarial"], compared.drawn)
    own = (gradient - 5 / 6 * without).abs()
    assert own[3, :, 0].min() > 1e-5 * own.max(), "the border of a picture from a small photograph's code"


def test_a_batch_without_photographs_of_full_size_leaves_the_head_of_pixels_alone(recipe: Recipe, assembled: Assemble) -> None:
    task, training, _ = assembled(changed(recipe, pixel_width=6))
    assert task.critic.pixels is not None
    before = [parameter.clone() for parameter in task.critic.pixels.parameters()]
    compared = task._compare(training.take(torch.tensor([20, 21]), torch.zeros(2, dtype=torch.bool)))
    task._teach_critic(compared)
    assert all(torch.equal(a, b) for a, b in zip(before, task.critic.pixels.parameters(), strict=True))


def test_a_share_of_each_batch_may_be_of_full_size(recipe: Recipe, assembled: Assemble) -> None:
    task, training, _ = assembled(changed(recipe, full_size_share=0.75))
    assert 0 < training.full_size < len(training)
    assert min(int((~task._batch(training, step).coarse).sum()) for step in range(6)) >= 6


def test_a_run_may_start_from_weights_trained_elsewhere(recipe: Recipe, assembled: Assemble, tmp_path: Path) -> None:
    """Generator and critic by the names that the file has are the same ones here."""
    task, training, _ = assembled(recipe)
    task.step(training, 0)
    file = tmp_path / "weights.safetensors"
    save_file(renamed(task), file)
    state = outside.training_state(file)
    wanted = {name: part.state_dict() for name, part in parts(task).items()}
    for name in ("module", "critic"):
        for key, value in state[name].items():
            torch.testing.assert_close(value, wanted[name][key])
        assert wanted[name].keys() == state[name].keys()
    torch.manual_seed(5)
    other, _, _ = assembled(replace(recipe, seed=5))
    assert other.start_from(state) == []
    assert equal(other.module.state_dict(), other.average.state_dict())
    assert equal(other.module.state_dict(), {**wanted["module"], **state["module"]})
    assert not other.anew


def renamed(task: ProjectedTask) -> dict[str, torch.Tensor]:
    """The tensors by the names that importers/projected.py reads."""
    known = {ours: theirs for theirs, ours in outside._LAYERS.items()}
    inside = {ours: theirs for theirs, ours in outside._INSIDE.items()}
    found = {}
    for key, value in task.module.state_dict().items():
        if key.endswith("linear.bias"):
            torch.nn.init.zeros_(task.module.get_parameter(key))
            continue
        place, _, name = key.rpartition(".")
        head, _, rest = place.partition(".")
        if head != "blocks":
            found[f"g.{known[place]}.{name}"] = value
            continue
        index, _, layer = rest.partition(".")
        grain = {"weight": f"gr.{index}", "noise": f"z{index}"}
        part, _, _ = inside.get(layer, "").partition(".")
        found[f"g.{grain[name]}" if layer == "grain" else f"g.{part}.{index}.{name}"] = value
    for key, value in task.critic.state_dict().items():
        _, index, part, rest = key.split(".", 3)
        found[f"h.{index}.{part[0]}.{rest}"] = value
    return {key: value.clone().contiguous() for key, value in found.items()}


def test_the_bundled_prior_may_be_tuned_on_photographs_of_ones_own(finished: Path, recipe: Recipe, lite: Lite, assembled: Assemble) -> None:
    prior = dgnam_models.load("tiny-projected", packs=[finished / "pack", *lite[1]])
    assert isinstance(prior, Generator)
    task, training, _ = assembled(replace(recipe, seed=9))
    task.fine_tune(prior.module, training)
    codes = training.codes(torch.arange(22), torch.zeros(22, dtype=torch.bool))
    torch.testing.assert_close(task.average.eval()(codes), prior.module(codes), atol=0.03, rtol=0.03)  # one batch's variance, biased or not
    torch.testing.assert_close(task.module.train()(codes), prior.module(codes), atol=1e-3, rtol=1e-3)
    assert not task.anew


def test_the_command_trains_for_some_minutes_and_starts_from_a_run(
    finished: Path, recipe: Recipe, lite: Lite, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(tomli_w.dumps(config.settings(recipe)))
    arguments = [str(path), "--data", str(photographs), "--run-dir", str(tmp_path / "run"), "--device", "cpu"]
    arguments += ["--models", *map(str, lite[1])] if lite[1] else []
    assert commands.main(["train", *arguments, "--dry-run"]) == 0
    assert not (tmp_path / "run").exists()
    assert commands.main(["train", *arguments, "--val", str(photographs), "--start-from", str(finished), "--minutes", "0.0001"]) == 0
    printed = capsys.readouterr().out
    assert f"starting from the weights of {finished}\n" in printed, "all of them fit"
    assert '"steps": 1,' in printed and '"validation_images": 24' in printed
    bad = tmp_path / "bad.safetensors"
    save_file({"weight": torch.zeros(2)}, bad)
    assert commands.main(["train", *arguments[:3], "--run-dir", str(tmp_path / "other"), *arguments[5:], "--start-from", str(bad)]) == 2
    assert "bad.safetensors holds no generator of upconv2x2" in capsys.readouterr().err


def test_a_frozen_network_without_the_taps_is_refused(recipe: Recipe, assembled: Assemble) -> None:
    with pytest.raises(RecipeError, match="has no tap nowhere; it has stem, relu_stem, block1a"):
        assembled(changed(recipe, fine_tap="nowhere"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_px": 4}, "crop_px and colour must be 0 with kind = 'projected'"),
        ({"constant_share": 1.0}, r"constant_share is 1.0; it must lie in \[0, 1\)"),
        ({"projected": {"ascended_share": 1.5}}, r"projected.ascended_share is 1.5; it must lie in \[0, 1\)"),
        ({"projected": {"drawn_share": 1.5}}, r"projected.drawn_share is 1.5; it must lie in \[0, 1\]"),
        ({"projected": {"full_size_share": -0.1}}, r"projected.full_size_share is -0.1; it must lie in \[0, 1\]"),
        ({"projected": {"pixel_width": -1}}, "projected.pixel_width is -1; it must not be negative"),
        ({"projected": {"critic_halvings": [1]}}, "projected.critic_halvings has 1 numbers, feature_taps 4"),
        ({"projected": {"collapse_gap": 0.0}}, "projected.collapse_gap is 0.0; it must be positive"),
    ],
)
def test_recipes_that_cannot_be_run(changes: dict[str, object], message: str) -> None:
    table = config.settings(replace(RECIPE, projected=SETTINGS))
    own = {**table["projected"], **changes.pop("projected", {})}  # type: ignore[dict-item]
    with pytest.raises(RecipeError, match=message):
        Recipe.of("a test", {**table, **changes, "projected": own})


def test_the_bundled_recipes_draw_what_they_say() -> None:
    sizes = {}
    for name in ("upconv64-lite0", "upconv128-lite0", "own128-lite0"):
        (recipe,) = config.read(name)
        assert recipe.projected is not None
        blocks = len(list(pairwise(recipe.parameters["channels"])))
        sizes[name] = 4 << blocks
        assert recipe.image_size == sizes[name]
    assert sizes == {"upconv64-lite0": 64, "upconv128-lite0": 128, "own128-lite0": 128}
