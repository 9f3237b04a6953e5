"""Spectra as work: each row its own picture, whatever is drawn beside it."""

import numpy as np
import torch
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.events import Finished
from dgnam_server.synth.priors import FourierPrior


def test_spectra_are_drawn_in_one_step(builder: Builder) -> None:
    size = (20, 24)
    codes = np.random.default_rng(0).standard_normal((3, 6 * 20 * 13)).astype(np.float32) / 10
    work = builder.spectrum_drawing(size, codes)
    other = builder.spectrum_drawing(size, codes[:1] * 2)
    assert work.key == other.key != builder.spectrum_drawing((24, 20), codes).key
    assert str(work.key) == "draw spectra of 20 x 24 pixels" and work.rows == 3 and work.row_bytes > 3 * 20 * 24 * 4
    lane = work.open()
    for row in (2, 0, 1):
        lane.join(7, work, row)
    lane.join(8, other, 0)
    events = lane.step(tell=True)
    assert len(lane) == 0
    drawn = {(job, event.row): event.value for job, event in events if isinstance(event, Finished)}
    expected = FourierPrior(size, torch.device("cpu")).draw(torch.from_numpy(codes)).permute(0, 2, 3, 1).numpy()
    for row in range(3):
        np.testing.assert_allclose(drawn[7, row], expected[row], atol=1e-6)
    assert drawn[8, 0].shape == (20, 24, 3) and np.abs(drawn[8, 0] - expected[0]).max() > 0.01
