"""Every figure on tiny models under the real names, asked of a real server; and the figures' numbers against ones worked out by hand."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import ModelCard, nets
from dgnam_models.lab.evaluate import drawing
from dgnam_models.lab.evaluate.drawing import connected
from dgnam_models.lab.paper import figures, looking
from dgnam_models.lab.paper.figures import zeiler_ablation
from dgnam_models.lab.paper.figures.activation_maps import centres, energy_inside, evidence
from dgnam_models.lab.paper.figures.altered import order
from dgnam_models.lab.paper.figures.evolution import rank_correlation
from dgnam_models.lab.paper.figures.priors import PRIORS, repetition
from dgnam_models.lab.paper.study import JUDGES, PRIOR, TARGET, Study, agreement, opinions, spread
from dgnam_models.lab.train import export
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.export import Export
from PIL import Image

SIZE = 32
NAMES = ("goldfish", "lemon", "teapot")
SCENES = ("altar", "desk")
LONG = ("feature_maps", "inversions", "search", "zeiler_deconvnet", "zeiler_exemplars", "zeiler_invariance", "zeiler_probes")


def classifier(pack: Path, name: str, labels: tuple[str, ...], figures: dict[str, object]) -> None:
    recipe = Recipe(name, "classifier", "random weights", "resnet", {"channels": [4, 6, 8]}, image_size=SIZE)
    module = nets.build("resnet", {"channels": [4, 6, 8], "classes": len(labels)}).eval()
    export.classifier(recipe, module, labels, Export(pack, recipe.name, figures, "test"))


@pytest.fixture(scope="module")
def pack(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models under the names of all that figures are about, which replace the bundled."""
    pack = tmp_path_factory.mktemp("paper") / "pack"
    shutil.copytree(tiny_pack, pack)
    cards = dgnam_models.cards([pack])
    tiny, prior = cards["tiny"], cards["tiny-prior"]
    for card in (replace(tiny, name=TARGET), *(replace(prior, name=name) for name in (*PRIORS, "upconv128-lite0"))):
        card.write(pack / "cards" / f"{card.name}.toml")
    torch.manual_seed(0)
    for judge in (*JUDGES, "efficientnet-lite0"):
        classifier(pack, judge, tiny.labels, {})
    classifier(pack, "alexnet64-scenes", SCENES, {})
    for kind in ("shuffled", "swapped", "blurred"):
        classifier(pack, f"alexnet64-{kind}", (*NAMES, *(f"{kind} {name}" for name in NAMES)), {"figures": {"val_top1": 0.4}})
        classifier(pack, f"judge64-{kind}", ("whole", kind), {"figures": {"val_top1": 0.9}})
    for steps, accuracy in ((60, 0.2), (120, 0.4), (180, 0.3)):
        for name in ("alexnet64-narrow", "layers64"):
            classifier(pack, f"{name}-{steps:06d}", NAMES, {"steps": steps, "figures": {"val_top1": accuracy}})
    for name in zeiler_ablation.VARIANTS:
        classifier(pack, name, NAMES, {"steps": 9, "figures": {"val_top1": 0.1 if "-no-" in name else 0.4, "val_top5": 0.8}})
    return pack


def photographs(folder: Path, names: tuple[str, ...]) -> Path:
    random = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def study(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    folder = tmp_path_factory.mktemp("photographs")
    val, scenes = photographs(folder / "val", NAMES), photographs(folder / "scenes", SCENES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "LARGE", JUDGES[1])  # as in `few_steps`
        patch.setenv("DGNAM_BATCH_ROWS", "8")  # so that the server measures nothing while it is idle
        indices = looking.indices([val], [pack], folder / "indices", torch.device("cpu"))
        names = [card.stem for card in (pack / "cards").glob("*.toml")]
        with connected(None, [pack], "cpu", indices, names) as client:
            yield Study(client, [pack], units=2, seed=3, val=[val], scenes_val=[scenes], pictures=8)


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LARGE", JUDGES[1])  # to cover 224 pixels bit by bit takes too long here
    real = drawing.draw
    monkeypatch.setattr(drawing, "draw", lambda *arguments, **options: real(*arguments, **{"steps": 2, **options}))


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in figures.names()])
def test_every_figure_is_drawn_with_and_without_photographs(name: str, study: Study) -> None:
    figure = figures.draw(name, study)
    assert json.loads(json.dumps(figure.numbers, allow_nan=False)) == figure.numbers
    assert min(figure.sheet.size) > 400
    assert np.asarray(figure.sheet).std() > 10
    bare = figures.draw(name, replace(study, val=(), scenes_val=()))
    assert bare.numbers.keys() <= figure.numbers.keys()


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_says_what_it_shows_and_where_it_is_published(name: str) -> None:
    assert figures.about(name).endswith("?")
    papers = "Pan et al. 2017|Xia et al. 2016|Mahendran & Vedaldi 2015|Wang & Ponce 2022|Zeiler & Fergus 2013"
    assert re.search(rf"\((3\.\d|S\d+|({papers}), (fig\.|table) \d)\)", figures.about(name))


@pytest.mark.usefixtures("few_steps")
def test_numbers_that_can_be_worked_out(study: Study) -> None:
    hidden = figures.draw("hidden", study).numbers
    assert list(hidden) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert hidden["conv1"]["field_px"] == "5 x 5"
    assert all(abs(layer["kept_by_crop"] - 1) < 1e-3 for layer in hidden.values()), "nothing beyond the crop counts"
    priors = figures.draw("priors", study).numbers
    assert priors["missing"] == []
    assert priors[PRIORS[0]] == priors[PRIORS[1]] == priors[PRIORS[2]], "one prior under three names"
    altered = figures.draw("altered", study).numbers["swapped"]
    assert altered["judge_on_photographs"] == 0.9
    assert altered["pictures"] == 4
    assert figures.draw("evolution", study).numbers["alexnet64-narrow-000120"]["accuracy"] == 0.4
    assert figures.draw("transfer", study).numbers["by chance"] == 0.5


@pytest.mark.usefixtures("few_steps")
def test_numbers_of_photographs_looked_at(study: Study) -> None:
    seen = figures.draw("zeiler_deconvnet", study).numbers[TARGET]
    areas = list(seen["area"].values())
    assert areas == sorted(areas) and areas[0] <= 25 / SIZE**2, "a filter of 5 x 5 sees no more"
    assert all(0.1 <= share <= 1 for share in seen["in the strongest tenth"].values())
    liked = figures.draw("zeiler_exemplars", study).numbers[TARGET]
    assert liked["photographs"] == 4 * len(NAMES) and liked["projected by"] == "deconvnet"
    assert list(liked)[2:] == ["conv1", "pool1", "pool2", "conv3", "conv5"]
    assert liked["conv1"]["sees"] <= 25 / SIZE**2 < liked["conv5"]["sees"] <= 1
    assert all(1 <= liked[tap]["classes"] <= len(NAMES) for tap in list(liked)[2:])
    covered = figures.draw("zeiler_occlusion", study).numbers[TARGET]
    for numbers in covered.values():
        assert numbers["least"] < 1 and 0 <= numbers["places where it is first"] <= 1 and -1 <= numbers["with the feature map"] <= 1
    moved = figures.draw("zeiler_invariance", study).numbers[TARGET]["translation"]
    assert moved["smallest"]["conv1"] > 0 and moved["smallest"]["amount"] ** 2 < moved["largest"]["amount"] ** 2


@pytest.mark.usefixtures("few_steps")
def test_numbers_of_networks_taken_apart(study: Study) -> None:
    shares = figures.draw("zeiler_ablation", study).numbers
    assert shares["all layers"]["top1"] == 0.4 and shares["fc7 removed"]["top1"] == 0.1
    probed = figures.draw("zeiler_probes", study).numbers[TARGET]
    assert probed["training"] + probed["held out"] == 8 and probed["chance"] == 0.5 and "pixels" in probed["accuracy"]
    evolved = figures.draw("zeiler_evolution", study).numbers
    assert evolved["steps"] == [60, 120, 180] and evolved["photographs"] == 12
    parts = figures.draw("zeiler_correspondence", study).numbers[TARGET]
    assert all({"left eye", "right eye", "nose", "random places"} == set(found) for found in parts.values())


@pytest.mark.usefixtures("few_steps")
def test_numbers_of_pictures_without_a_prior(study: Study) -> None:
    published = figures.draw("regularizers", study).numbers
    assert set(published) == {"pictures", "none", "normalized", "p-norm", "blur", "pyramid", "photographs"}
    everyone = figures.draw("pixels_and_prior", study).numbers
    assert {PRIOR, "pyramid", "lucid", "maco"} <= set(everyone) and "patch-prior" not in everyone, "no pack has patches"
    compared = "activation", "contrast", "fine detail", *JUDGES
    assert [everyone["pyramid"][key] for key in compared] == [published["pyramid"][key] for key in compared], "same method, same pictures"
    assert all(everyone[name]["seconds"] > 0 for name in everyone if name not in ("pictures", "photographs"))
    depths = figures.draw("pyramids", study).numbers
    assert [depth["tap"] for depth in depths.values()] == ["res2a", "res3b", "res4b"]
    architectures = figures.draw("pixel_architectures", study).numbers
    assert set(architectures) == {"pictures", *(f"drawn for {name}" for name in (TARGET, *JUDGES))}
    maps = figures.draw("activation_maps", study).numbers
    for way in ("off", "on", "on above 0.75"):
        assert 0 < maps[way]["gradient energy inside"] <= 1
        assert maps[way]["centres"] >= 1, "the highest place counts"


def test_energy_inside_and_centres_by_hand() -> None:
    heat = torch.tensor([[0.2, 0.5, 0.1, 0.0], [0.1, 0.4, 0.0, 0.7], [1.0, 0.2, 0.0, 0.1]])[None, None]
    assert centres(heat).tolist() == [3]
    gradient = torch.zeros(1, 3, 3, 4)
    gradient[0, 0, 0, 1], gradient[0, 2, 1, 3], gradient[0, 1, 1, 1] = 1.0, -2.0, 3.0
    assert energy_inside(gradient, heat).tolist() == pytest.approx([(1 + 4) / (1 + 4 + 9)])


def test_evidence_behind_global_average_pooling_is_the_published_map(pack: Path) -> None:
    """Pan et al. 2017, eq. 11, with the weights of the last layer."""
    network = dgnam_models.load(JUDGES[0], packs=[pack])
    assert isinstance(network, dgnam_models.Network)
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    units = torch.tensor([2, 0])
    heat, gradient = evidence(network, images, units)
    maps = network.activations(images, ["relu4b"])["relu4b"]
    weights = next(value for name, value in network.module.named_parameters() if "fc" in name and value.ndim == 2)[units]
    expected = (weights[:, :, None, None] * maps).sum(1, keepdim=True).clamp(min=0)
    torch.testing.assert_close(heat, expected / expected.amax((2, 3), keepdim=True))
    assert gradient.shape == images.shape and (gradient != 0).any()


def test_repetition() -> None:
    random = torch.Generator().manual_seed(0)
    fragment = torch.rand(1, 3, 16, 16, generator=random)
    noise = torch.rand(1, 3, 64, 64, generator=random)
    once = torch.full((1, 3, 64, 64), 0.5)
    once[..., 24:40, 24:40] = fragment
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 64), indexing="ij")
    shading = ((x + y) / 2).expand(1, 3, 64, 64)
    tiled, white, alone, slow = repetition(torch.cat([fragment.repeat(1, 1, 4, 4), noise, once, shading + 0.1 * noise])).tolist()
    assert tiled > 0.95
    assert white < 0.2
    assert alone < 0.5
    assert slow < 0.3, "slow shading goes with any move, and does not count"
    assert repetition(torch.rand(1, 3, 64, 64).mul(0)).tolist() == [0]


def test_repetition_finds_moves_in_every_direction() -> None:
    patch = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    for down, right in ((0, 20), (20, 0), (15, 15), (15, -15)):
        image = torch.full((1, 3, 64, 64), 0.5)
        image[..., 20:32, 26:38] = patch
        image[..., 20 + down : 32 + down, 26 + right : 38 + right] = patch
        assert repetition(image).item() > 0.4, (down, right)


def test_order_is_the_area_under_the_curve() -> None:
    assert order(torch.tensor([0.1, 0.2]), torch.tensor([0.3, 0.9])) == 1
    assert order(torch.tensor([0.3, 0.9]), torch.tensor([0.1, 0.2])) == 0
    assert order(torch.tensor([0.1, 0.5]), torch.tensor([0.5, 0.3])) == (1 + 1 + 0.5 + 0) / 4


def test_rank_correlation() -> None:
    ranks = torch.tensor([1.0, 2, 3, 4])
    assert rank_correlation(ranks, ranks**3) == pytest.approx(1)
    assert rank_correlation(ranks, -ranks) == pytest.approx(-1)
    assert rank_correlation(ranks, torch.tensor([1.0, 3, 2, 4])) == pytest.approx(0.8)  # 1 - 6 sum d^2 / (n (n^2 - 1))
    assert rank_correlation(ranks, torch.tensor([1.0, 2, 2, 3])) == pytest.approx(4.5 / (5 * 4.5) ** 0.5)
    assert rank_correlation(ranks, torch.ones(4)) == 0


def test_spread_takes_things_at_equal_distances() -> None:
    assert spread(range(100), 5) == [0, 20, 40, 60, 80]
    assert spread("abc", 7) == ["a", "b", "c"]


def test_agreement_counts_first_and_first_five() -> None:
    called = [["a", "b"], ["b", "a"], list("vwxyza")]
    assert agreement(called, ["a", "a", "a"]) == {"top1": 0.3333, "top5": 0.6667}


def test_opinions_are_names_best_first(pack: Path) -> None:
    judge = dgnam_models.load(JUDGES[0], packs=[pack])
    assert isinstance(judge, dgnam_models.Network)
    images = torch.rand(3, 3, SIZE, SIZE)
    called = opinions(judge, images, 3)
    ranked = judge.logits(images).argsort(1, descending=True)[:, :3]
    assert called == [[judge.card.labels[i] for i in row] for row in ranked.tolist()]
    assert isinstance(judge.card, ModelCard)


def test_a_square_around_a_box() -> None:
    assert looking.square_around((4, 4, 6, 10), (20, 20)) == (2, 4, 8, 10)
    assert looking.square_around((0, 4, 2, 10), (20, 20)) == (0, 4, 6, 10), "it stays in the picture"
    assert looking.square_around((15, 18, 20, 20), (20, 20)) == (15, 15, 20, 20)
