"""What networks make of pictures, beside whatever else runs."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from callers import FOREVER, Caller, Pause, spec_for, values
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import resize

WorkFor = Callable[..., Synthesis]
PLACES = {
    Place("tiny", "fc8"): lambda tap: tap,
    Place("tiny", "fc8", 3): lambda tap: tap[:, 3],
    Place("tiny", "conv3"): lambda tap: tap,
    Place("tiny", "conv3", 5): lambda tap: tap[:, 5],
    Place("tiny", "conv3", 5, (0, 1)): lambda tap: tap[:, 5, 0, 1],
    Place("tiny", "conv3", None, (1, 0)): lambda tap: tap[:, :, 1, 0],
    Place("tiny-res", "fc", 2): lambda tap: tap[:, 2],
}


def pictures(count: int, seed: int = 0, height: int = 32, width: int = 32) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).random((count, height, width, 3), dtype=np.float32))


def tensors(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def stacked(found: list[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
    """An array for each place, its leading axis the pictures."""
    return [np.stack(arrays) for arrays in zip(*found, strict=True)]


def test_every_kind_of_place_is_read_as_the_network_says(engine: DeviceThread, builder: Builder) -> None:
    images, caller = pictures(6), Caller()
    engine.submit(builder.activations(images, list(PLACES)), caller)
    found = stacked(values(caller.wait_for_end(6)))
    for (place, pick), array in zip(PLACES.items(), found, strict=True):
        tap = builder.catalog.networks[place.model].activations(tensors(images), [place.tap])[place.tap]
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, pick(tap).numpy(), rtol=1e-5, atol=1e-6, err_msg=str(place), strict=True)
    assert found[2].min() < 0 < found[2].max(), "before the ReLU"


def test_a_picture_of_another_size_is_resized_as_a_whole(engine: DeviceThread, builder: Builder) -> None:
    images, caller = [*pictures(1, height=48, width=80), *pictures(1)], Caller()
    engine.submit(builder.activations(images, [Place("tiny", "fc8")]), caller)
    (found,) = stacked(values(caller.wait_for_end(2)))
    fitted = torch.cat([resize(tensors([image]), (32, 32)) for image in images])
    np.testing.assert_allclose(found, builder.catalog.networks["tiny"].logits(fitted).numpy(), rtol=1e-5, atol=1e-6)


def test_the_numbers_are_those_that_a_synthesis_reports(engine: DeviceThread, builder: Builder) -> None:
    units = [Unit("tiny", "fc8", 2), Unit("tiny", "conv3", 4, (1, 1)), Unit("tiny-res", "fc", 1)]
    settings = spec_for(("tiny", "fc8", 2)).settings
    spec = SynthesisSpec(tuple(Term(unit) for unit in units), Balance.NONE, "tiny-prior", "dgn-am", settings, seed=0)
    synthesis, again = Caller(), Caller()
    engine.submit(builder.synthesis(spec), synthesis)
    (result,) = values(synthesis.wait_for_end())
    places = [Place(unit.model, unit.tap, unit.index, unit.position) for unit in units]
    engine.submit(builder.activations([result.image], places), again)
    (found,) = values(again.wait_for_end())
    np.testing.assert_allclose(np.array(found), result.term_activations, rtol=1e-4, atol=1e-5)


def test_requests_for_the_same_taps_share_a_batch_whatever_they_read_of_them(engine: DeviceThread, builder: Builder) -> None:
    sizes: list[int] = []
    network = builder.catalog.networks["tiny"]
    own = pictures(1, seed=1), pictures(2, seed=2)
    places = [Place("tiny", "fc8", 1), Place("tiny", "conv3", 2)], [Place("tiny", "conv3"), Place("tiny", "fc8")]
    callers = Caller(), Caller()
    encode = network.preprocess.encode

    def noted(image: torch.Tensor) -> torch.Tensor:
        sizes.append(len(image))
        return encode(image)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(network.preprocess, "encode", noted)
        with Pause(engine, builder.drawing("tiny-prior", np.zeros((1, 24), np.float32))):
            for images, read, caller in zip(own, places, callers, strict=True):
                engine.submit(builder.activations(images, read), caller)
        first, second = (stacked(values(caller.wait_for_end(len(images)))) for images, caller in zip(own, callers, strict=True))
    assert sizes == [3]
    taps = [network.activations(tensors(images), ["fc8", "conv3"]) for images in own]
    np.testing.assert_allclose(first[0], taps[0]["fc8"][:, 1].numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first[1], taps[0]["conv3"][:, 2].numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second[0], taps[1]["conv3"].numpy(), rtol=1e-5, atol=1e-6)


def test_it_does_not_wait_for_a_long_synthesis(engine: DeviceThread, builder: Builder, work_for: WorkFor) -> None:
    long, caller = Caller(), Caller()
    ticket = engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER, variants=6), long)
    long.wait_for_start()
    engine.submit(builder.activations(pictures(5), [Place("tiny", "fc8", 0)]), caller)
    assert len(values(caller.wait_for_end(5))) == 5
    assert engine.load().running_jobs == 1 and not values(long.events)
    ticket.close()


def test_the_load_names_what_runs(builder: Builder) -> None:
    work = builder.activations(pictures(1), [Place("tiny", "fc8", 1), Place("tiny", "conv3"), Place("tiny", "fc8")])
    assert str(work.key) == "activations of tiny:conv3+tiny:fc8"
    assert str(builder.drawing("tiny-prior", np.zeros((1, 24), np.float32)).key) == "draw with tiny-prior"


def test_a_row_says_what_it_takes(builder: Builder) -> None:
    """So that a batch of large networks' pictures fits into memory, which is the engine's to see to."""
    small = builder.activations(pictures(1), [Place("tiny", "fc8")]).row_bytes
    assert 0 < small < builder.activations(pictures(1), [Place("tiny", "fc8"), Place("tiny-res", "fc")]).row_bytes
    assert small < builder.activations(pictures(1, height=512, width=512), [Place("tiny", "fc8")]).row_bytes
