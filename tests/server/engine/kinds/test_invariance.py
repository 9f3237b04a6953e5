"""Invariance in the engine: the curves of a plain loop, batched between requests."""

import numpy as np
import pytest
import torch
from analyses import photographs, run, values
from dgnam_server.analysis.invariance import Change, changed
from dgnam_server.engine.builder import Builder, InvarianceSpec
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.kinds.invariance import Invariance

TAPS = ("conv1", "fc7")
CHANGES = (Change("translation", 4), Change("rotation", 30.0), Change("scale", 1.0), Change("scale", 1.5))


def work(builder: Builder, count: int = 1, seed: int = 0, class_: int | None = None) -> Invariance:
    return builder.invariance(InvarianceSpec(photographs(count, seed), "tiny", TAPS, class_, CHANGES, (0.5, 0.25, 0.0)))


def test_the_curves_are_those_of_a_plain_loop(builder: Builder, engine: DeviceThread) -> None:
    network = builder.catalog.networks["tiny"]
    first, second = work(builder, 2), work(builder, 1, 5, class_=6)
    assert first.key == second.key and first.rows == 2 * 5 and "conv1+fc7" in str(first.key)
    found, other = map(values, run(engine, first, second))
    for asked, readings, picture in ((first, found[:5], 0), (first, found[5:], 1), (second, other, 0)):
        curves = asked.curves(picture, readings)
        image = torch.tensor(asked.pictures[picture]).permute(2, 0, 1)[None]
        whole = network.activations(image, [*TAPS, "fc8"])
        shares = whole["fc8"].softmax(1)[0]
        assert curves.class_ == (6 if asked is second else int(shares.argmax())) and curves.label == int(shares.argmax())
        assert curves.probability == pytest.approx(float(shares[curves.class_]), rel=1e-4)
        assert curves.lengths == pytest.approx([float(whole[tap].norm()) for tap in TAPS], rel=1e-4)
        assert curves.distances.shape == (2, 4)
        for i, change in enumerate(CHANGES):
            seen = network.activations(changed(image, [change], torch.tensor([asked.colour])), [*TAPS, "fc8"])
            share = seen["fc8"].softmax(1)[0]
            expected = [float((seen[tap] - whole[tap]).norm()) for tap in TAPS]
            np.testing.assert_allclose(curves.distances[:, i], expected, rtol=1e-3, atol=1e-4)
            assert curves.probabilities[i] == pytest.approx(float(share[curves.class_]), rel=1e-4)
            assert curves.labels[i] == int(share.argmax())
        assert curves.distances[:, 2] == pytest.approx([0, 0], abs=1e-4), "once as large is the picture as it is"
