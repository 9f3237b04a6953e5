"""Occlusion in the engine: the maps of a plain loop, batched between requests."""

import numpy as np
import pytest
import torch
from analyses import photographs, run, values
from dgnam_server.analysis.occlusion import Square
from dgnam_server.engine.builder import Builder, OcclusionSpec
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.kinds.occlusion import Occlusion

SQUARE = Square(size=10, stride=8, colour=(0.5, 0.25, 0.0))


def work(builder: Builder, count: int = 1, seed: int = 0, unit: int | None = None, class_: int | None = None) -> Occlusion:
    return builder.occlusion(OcclusionSpec(photographs(count, seed), "tiny", "conv5", unit, class_, SQUARE))


def test_the_maps_are_those_of_a_plain_loop(builder: Builder, engine: DeviceThread) -> None:
    network = builder.catalog.networks["tiny"]
    first, second = work(builder, 2), work(builder, 1, 5, unit=3, class_=6)
    assert first.key == second.key and first.rows == 2 * 17
    found, other = map(values, run(engine, first, second))
    for asked, readings, picture in ((first, found[:17], 0), (first, found[17:], 1), (second, other, 0)):
        maps = asked.maps(picture, readings)
        image = torch.tensor(asked.pictures[picture]).permute(2, 0, 1)[None]
        whole = network.activations(image, ["conv5", "fc8"])
        sums, shares = whole["conv5"].clamp(min=0).sum((2, 3))[0], whole["fc8"].softmax(1)[0]
        assert maps.unit == (3 if asked is second else int(sums.argmax()))
        assert maps.class_ == (6 if asked is second else int(shares.argmax())) and maps.label == int(shares.argmax())
        assert (maps.activation, maps.probability) == pytest.approx((float(sums[maps.unit]), float(shares[maps.class_])), rel=1e-4)
        for row, column in np.ndindex(4, 4):
            hidden = image.clone()
            top, left = max(row * 8 - 1, 0), max(column * 8 - 1, 0)
            hidden[0, :, top : row * 8 + 9, left : column * 8 + 9] = torch.tensor(SQUARE.colour)[:, None, None]
            seen = network.activations(hidden, ["conv5", "fc8"])
            share = seen["fc8"].softmax(1)[0]
            total = float(seen["conv5"].clamp(min=0).sum((2, 3))[0, maps.unit])
            assert maps.activations[row, column] == pytest.approx(total, rel=1e-4, abs=1e-5)
            assert maps.probabilities[row, column] == pytest.approx(float(share[maps.class_]), rel=1e-4)
            assert maps.labels[row, column] == int(share.argmax())
