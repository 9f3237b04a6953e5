"""Projections in the engine: batched between requests, alone the same, in steps, cancelled, refused."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from analyses import SIZE, photographs, run, values
from dgnam_models.weight_layout import LaidOut
from dgnam_server.analysis import PROJECTIONS, obstacle
from dgnam_server.analysis.projection import Wanted, project
from dgnam_server.engine.builder import Builder, ProjectionSpec
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failed, Failure, Finished, Progress
from dgnam_server.engine.kinds.projection import Projection


def work(builder: Builder, pictures: Sequence[np.ndarray], **fields: Any) -> Projection:
    method = fields.pop("method", "deconvnet")
    settings = PROJECTIONS[method].settings(fields.pop("settings", {}))
    given = {"model": "tiny", "tap": "conv3", "layer": None, "wanted": Wanted(2), **fields}
    return builder.projection(ProjectionSpec(pictures, method=method, settings=settings, **given))


def test_requests_share_a_lane_and_each_gets_what_it_would_alone(builder: Builder, engine: DeviceThread) -> None:
    pictures = photographs(3)
    first, second = work(builder, pictures), work(builder, photographs(2, 1), wanted=Wanted(5, None, 3))
    assert first.key == second.key and first.key != work(builder, pictures, method="saliency").key
    found, other = map(values, run(engine, first, second))
    assert [len(found), len(other)] == [3, 2] and len(other[0].kept.positions) == 3
    for result, picture in zip(found, pictures, strict=True):
        image = torch.tensor(picture).permute(2, 0, 1)[None]
        (kept,), signal = project(builder.catalog.networks["tiny"], PROJECTIONS["deconvnet"], ("conv3", None), image, [Wanted(2).kept])
        assert result.kept.positions == kept.positions
        np.testing.assert_allclose(result.values, signal[0].permute(1, 2, 0).numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(result.image, picture)


@pytest.mark.parametrize("method", PROJECTIONS)
def test_every_method(method: str, builder: Builder, engine: DeviceThread) -> None:
    layer = "conv5" if PROJECTIONS[method].at_layer else None
    settings = {"steps": 3} if method == "integrated-gradients" else {}
    asked = work(builder, photographs(2), method=method, tap="fc8", layer=layer, wanted=Wanted(), settings=settings)
    (events,) = run(engine, asked)
    for result in values(events):
        assert result.values.shape == (*SIZE, 1 if layer else 3) and np.isfinite(result.values).all() and result.values.any()
        assert result.kept.positions == () and len(result.kept.activations) == 1


def test_steps_are_told_and_a_cancelled_job_leaves(builder: Builder, engine: DeviceThread) -> None:
    heard, started, closed = [], threading.Event(), threading.Event()
    asked = work(builder, photographs(1), method="integrated-gradients", settings={"steps": 2000})
    assert asked.steps == 2001

    def emit(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Progress):
            started.set()
            assert closed.wait(100)  # its steps might be done before

    ticket = engine.submit(asked, emit)
    assert started.wait(100)
    ticket.close()
    closed.set()
    run(engine, work(builder, photographs(1)))
    moved = [event for event in heard if isinstance(event, Progress)]
    assert moved[-1].total_steps == 2001 and not any(isinstance(event, Finished) for event in heard)


def test_the_module_in_the_way_is_named(builder: Builder, engine: DeviceThread, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = work(builder, photographs(2))
    monkeypatch.setattr(obstacle, "_CLOSED", (torch.nn.Conv2d, LaidOut))
    (events,) = run(engine, asked)
    assert isinstance(events[-1], Failed) and events[-1].failure is Failure.NOT_PROJECTABLE
    assert "tiny hides its activation functions in stages.conv1.linear (Conv2d)" in events[-1].message
    monkeypatch.undo()
    assert len(values(run(engine, work(builder, photographs(1)))[0])) == 1, "the lane is gone, the engine is not"
