"""The measures, on sets of images whose answers are known."""

from pathlib import Path

import dgnam_models
import pytest
import torch
from dgnam_models import Network
from dgnam_models.lab.evaluate import quality
from dgnam_models.lab.evaluate.quality import Seen, View
from dgnam_models.photographs import Photographs
from dgnam_models.preprocess import crop_or_enlarge, resize
from tiny_models import LABELS, SIZE
from torch import Tensor

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def judge(tiny_pack: Path) -> Network:
    loaded = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(loaded, Network)
    return loaded


def noise(labels: list[int], names: tuple[str, ...] = LABELS, seed: int = 0) -> Photographs:
    pixels = torch.randint(0, 256, (len(labels), 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Photographs(pixels, torch.tensor(labels), names)


def as_seen(labels: list[int], logits: Tensor, features: Tensor, names: tuple[str, ...] = LABELS) -> Seen:
    """What `tiny` would have made of images: given."""
    return Seen(noise(labels, names), {"tiny": View(logits, features)})


def test_taps_by_what_they_are(judge: Network, tiny_pack: Path) -> None:
    assert quality.layers(judge) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert quality.rectified(judge) == ["pool1", "pool2", "relu3", "relu4", "pool5", "relu6", "relu7"]
    assert quality.before_output(judge) == "relu7"
    residual = dgnam_models.load("tiny-res", packs=[tiny_pack])
    assert isinstance(residual, Network)
    assert quality.before_output(residual) == "pool"


def test_views_are_the_networks_own(judge: Network) -> None:
    images = noise([0] * 5)
    view = quality.seen(images, [judge], crop_or_enlarge, CPU, "noise").views["tiny"]
    again = judge.activations(images.pixels / 255, ["relu7", "fc8"])
    torch.testing.assert_close(view.logits, again["fc8"])
    torch.testing.assert_close(view.features, again["relu7"])


def test_photographs_are_matched_by_name() -> None:
    found = quality.of_units(noise([0, 1, 2, 1], ("b", "x", "a")), ("a", "b", "c"))
    assert found.labels.tolist() == [1, 0]
    assert found.names == ("a", "b", "c")


def test_a_network_sees_larger_pictures_as_the_prior_shows_them(judge: Network) -> None:
    height, width = judge.input_size
    images = Photographs(torch.randint(256, (2, 3, 2 * height, 2 * width), dtype=torch.uint8), torch.zeros(2).long(), ("a",))
    whole, middle = (quality.seen(images, [judge], fit, CPU, "noise").views["tiny"].logits for fit in (resize, crop_or_enlarge))
    torch.testing.assert_close(whole, judge.logits(resize(images.pixels / 255, judge.input_size)))
    assert not torch.allclose(whole, middle)


def test_agreement_knows_labels_by_name_and_leaves_unknown_ones_out(judge: Network) -> None:
    names = ("unheard of", "lemon", "goldfish")  # lemon is the judge's class 2, goldfish its 0
    logits = torch.eye(7)[[0, 2, 2, 0]] - torch.arange(7) / 100  # says goldfish, lemon, lemon, goldfish; then the first classes in order
    images = as_seen([0, 1, 2, 2], logits, torch.zeros(4, 1), names)
    assert quality.agreement(images, judge) == {"top1": pytest.approx(2 / 3), "top5": 1}
    assert quality.misnamed(images, judge) == {"goldfish": ["lemon"]}


def test_activation_among_those_of_the_own_class(judge: Network) -> None:
    real = as_seen([0] * 4 + [1] * 2, torch.tensor([1.0, 2, 3, 4, 90, 90])[:, None].expand(6, 7), torch.zeros(6, 1))
    drawn = as_seen([0, 0, 1], torch.tensor([3.5, 9.0, 0.0])[:, None].expand(3, 7), torch.zeros(3, 1))
    found = quality.activation(drawn, real, judge)
    assert found["mean_percentile"] == pytest.approx((75 + 100 + 0) / 3)
    assert found["median_percentile"] == 75
    assert found["share_above_half"] == pytest.approx(2 / 3)


def test_diversity_within_classes_only(judge: Network) -> None:
    real = as_seen([0, 0, 1, 1], torch.zeros(4, 7), torch.tensor([[0.0], [4], [100], [108]]))
    drawn = as_seen([1, 0, 1, 0], torch.zeros(4, 7), torch.tensor([[0.0], [50], [1], [52]]))
    assert quality.diversity(drawn, real, judge) == {"drawn": 1.5, "real": 6, "ratio": 0.25}


def test_pairs_of_real_sets_are_balanced_and_disjoint() -> None:
    labels = torch.tensor([4, 1] * 10 + [4] * 7)
    pairs = quality.balanced_pairs(labels, each=3)
    assert len(pairs) == quality.REAL_PAIRS
    for first, second in pairs:
        assert not set(first.tolist()) & set(second.tolist())
        for one in (first, second):
            assert sorted(labels[one].tolist()) == [1] * 3 + [4] * 3
    again = quality.balanced_pairs(labels, each=3)
    assert all(torch.equal(a, b) for one, other in zip(pairs, again, strict=True) for a, b in zip(one, other, strict=True))
    assert len({tuple(first.tolist()) for first, _ in pairs}) > 1


def test_naturalness_tells_more_of_the_same_from_something_else(judge: Network) -> None:
    torch.manual_seed(0)
    labels = [0] * 60 + [1] * 60
    real = as_seen(labels, torch.zeros(120, 7), torch.randn(120, 4))
    drawn = [
        as_seen([0] * 20 + [1] * 20, torch.zeros(40, 7), torch.randn(40, 4) * width + shift) for width, shift in ((1, 0), (0.01, 0), (1, 9))
    ]
    same, collapsed, elsewhere = (quality.naturalness(one, real, judge, each=20) for one in drawn)
    assert same["frechet_ratio"] < 2
    assert same["precision"] > 0.7 and same["recall"] > 0.7
    assert collapsed["precision"] > 0.9 and collapsed["recall"] < 0.1
    assert elsewhere["precision"] == elsewhere["recall"] == 0
    assert elsewhere["frechet_ratio"] > 100
    assert elsewhere["frechet"] == pytest.approx(4 * 81, rel=0.2), "the means are 9 apart on 4 axes"


def test_perfect_reconstructions_have_no_error(judge: Network) -> None:
    images = noise([0, 1, 2])
    assert quality.feature_errors(images, images, judge, CPU) == dict.fromkeys(quality.rectified(judge), 0)
    black = Photographs(torch.zeros_like(images.pixels), images.labels, images.names)
    assert min(quality.feature_errors(black, images, judge, CPU).values()) > 0.05
