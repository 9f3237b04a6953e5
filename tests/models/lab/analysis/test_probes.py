"""Linear probes, on features whose classes are known to be apart, or not."""

import sys
from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import Network
from dgnam_models.errors import DataError, UsageError
from dgnam_models.lab.analysis import probe_plot, probes
from dgnam_models.lab.analysis.probes import MOST, PIXELS, Layer, Settings
from dgnam_models.photographs import Photographs

LABELS = torch.arange(3).repeat(20)


def values(seed: int, apart: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(60, 4)) + apart * np.eye(3, 4)[LABELS.numpy()]).astype(np.float32)


def test_what_is_apart_is_told_apart() -> None:
    training = {"far": values(0, 20), "near": values(0, 2), "noise": values(0, 0)}
    held = {"far": values(1, 20), "near": values(1, 2), "noise": values(1, 0)}
    told: list[int] = []
    settings = Settings(per_class=(1, 10), repeats=3)
    far, near, noise = probes.probe((training, LABELS), (held, LABELS), settings, told.append)
    assert far.accuracy == 1 and far.few[10] == (1, 0)
    assert 0.5 < near.accuracy < 1 and near.few[1][0] < near.few[10][0] <= near.accuracy + 0.1 and near.few[1][1] > 0
    assert noise.accuracy < 0.6 and far.features == 4
    assert len(told) == probes.fits(settings, 3) == 3 * 7


def test_too_little_to_fit_on() -> None:
    with pytest.raises(DataError, match="21 training pictures of each class were asked for, but one has 20"):
        probes.probe(({"a": values(0, 1)}, LABELS), ({"a": values(0, 1)}, LABELS), Settings(per_class=(2, 21)))
    with pytest.raises(DataError, match="at least two"):
        probes.probe(({"a": values(0, 1)}, LABELS * 0), ({"a": values(0, 1)}, LABELS), Settings())


def test_every_fifth_of_each_class_is_held_out() -> None:
    pixels = torch.arange(22, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    labels = torch.tensor([0] * 10 + [1] * 12)
    rest, held = probes.held_out(Photographs(pixels, labels, ("a", "b")))
    assert held.pixels[:, 0, 0, 0].tolist() == [4, 9, 14, 19] and held.labels.tolist() == [0, 0, 1, 1] and len(rest) == 18


def test_features_are_what_the_network_gives(tiny_pack: Path) -> None:
    network = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(network, Network)
    pixels = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    told: list[int] = []
    found = probes.features(network, Photographs(pixels, torch.zeros(5).long(), ("a",)), [PIXELS, "conv2", "fc7"], told.append)
    assert found[PIXELS].shape == (5, 3 * 32 * 32) and sum(told) == 5
    fc7 = network.activations(pixels.float() / 255, ["fc7"])["fc7"].numpy()
    np.testing.assert_allclose(found["fc7"], fc7, rtol=1e-4, atol=1e-5)


def test_large_maps_are_averaged() -> None:
    flat = probes._flat(torch.ones(2, 16, 64, 64))
    assert flat.shape == (2, 16 * 16 * 16) and flat.shape[1] <= MOST and (flat == 1).all()


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UsageError, match="pip install"):
        probes.need_sklearn()


def test_curves() -> None:
    layers = [Layer("pixels", 12, 0.3, {1: (0.1, 0.02), 5: (0.2, 0.02)}), Layer("fc7", 12, 0.8, {1: (0.4, 0.02), 5: (0.6, 0.02)})]
    assert probe_plot.drawn({"a": layers, "b": layers}, 0.1).startswith(b"\x89PNG")
    assert probe_plot.drawn({"a": [Layer("fc7", 12, 0.8, {})]}, 0.1, "svg").startswith(b"<?xml")
