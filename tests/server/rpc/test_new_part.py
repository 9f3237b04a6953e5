"""Acceptance: a new penalty is a part, and a line in the table and in each method; the wire and the recipes have it by themselves."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import catalog_pb2, catalog_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts import PARTS, Part

INK = Part(
    "ink",
    options=(Option("ink_weight", "Weight of the ink penalty, which brightens.", 0.0, 1000.0, 0.0, switch=True),),
    penalty=lambda image, rows, problem: rows.now("ink_weight") * (1 - image).square().sum((1, 2, 3)),
)
CALLS = [("dgn-am", "synthesize", "Synthesize"), ("tv", "synthesize_pixels", "SynthesizePixels")]


@pytest.fixture
def ink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, INK.name, INK)
    for name in ("dgn-am", "tv"):
        monkeypatch.setitem(METHODS, name, replace(METHODS[name], parts=(*METHODS[name].parts, INK.name)))


@pytest.mark.usefixtures("ink")
async def test_a_new_penalty_is_on_the_wire_and_in_the_recipe(
    serving: Any, builder: Builder, request_: SynthesizeRequest, pixels: SynthesizePixelsRequest
) -> None:
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        listed = await catalog_pb2_grpc.CatalogServiceStub(server.channel).ListMethods(catalog_pb2.ListMethodsRequest())
        options = {method.name: {option.name: option for option in method.options} for method in listed.methods}
        for asked, (method, field, call) in zip((request_, pixels), CALLS, strict=True):
            told = options[method]["ink_weight"]
            assert (told.part, told.minimum, told.maximum, told.default_value) == ("ink", 0, 1000, 0)
            synthesize = getattr(synthesis_pb2_grpc.SynthesisServiceStub(server.channel), call)

            async def result(request: Any, synthesize: Any = synthesize) -> Any:
                (one,) = [message.result async for message in synthesize(request) if message.HasField("result")]
                return one

            asked.method = method
            asked.options["steps"] = 10
            plain = await result(asked)
            asked.options["ink_weight"] = 1000
            bright = await result(asked)
            recipe = getattr(bright.recipe, field)
            assert getattr(plain.recipe, field).options["ink_weight"] == 0
            assert recipe.options["ink_weight"] == 1000
            means = [float(arrays.from_message(one.image).mean()) for one in (plain, bright)]
            assert means[1] > means[0], "it brightens"
            np.testing.assert_allclose(arrays.from_message((await result(recipe)).image), arrays.from_message(bright.image), atol=1e-4)
    assert "ink_weight" not in options["ppgn"]
