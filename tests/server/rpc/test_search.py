"""SearchService in this process, with the real engine: a prior that is gone or changed, and what a kill leaves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import search_pb2 as pb
from dgnam_proto.v1 import search_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import Include
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc import payload
from dgnam_server.settings import Settings


@pytest.fixture
def config(config: Settings, tmp_path: Path) -> Settings:
    return config.model_copy(update={"state_dir": tmp_path / "state", "max_searches": 2})


@pytest.fixture
def begun() -> pb.CreateSearchRequest:
    return pb.CreateSearchRequest(name="one", options={"population": 4}, max_pictures=40)


def stub(server: Any) -> Any:
    return search_pb2_grpc.SearchServiceStub(server.channel)


async def refused(call: Any, code: grpc.StatusCode) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return caught.value.details() or ""


def scores(asked: pb.AskResponse) -> list[pb.Score]:
    return [pb.Score(picture=one.number, values=[float(one.number)]) for one in asked.pictures]


async def test_a_prior_that_is_gone_or_changed_meanwhile(
    serving: Any, builder: Builder, begun: pb.CreateSearchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))
    async with serving(engine=engine) as server:
        search = stub(server)
        await search.CreateSearch(begun)
        asked = await search.Ask(pb.AskRequest(name="one"))
    catalog = builder.catalog
    prior = catalog.generators["tiny-prior"]
    other = replace(prior.card, sha256="0" * 64)
    for generators, why in (({}, "its prior tiny-prior is not loaded here"), ({"tiny-prior": prior}, "has other weights here")):
        monkeypatch.setattr(builder, "catalog", replace(catalog, generators=generators))
        if generators:
            monkeypatch.setattr(prior, "card", other)
        async with serving(engine=DeviceThread(typical_of(builder, catalog), EngineLimits(max_batch_rows=4))) as server:
            search = stub(server)
            for call in (
                search.Ask(pb.AskRequest(name="one")),
                search.Tell(pb.TellRequest(name="one", scores=scores(asked))),
                search.GetSearch(pb.GetSearchRequest(name="one")),
                search.ExportSearch(pb.ExportSearchRequest(name="one")),
            ):
                assert why in await refused(call, grpc.StatusCode.FAILED_PRECONDITION)
            (listed,) = (await search.ListSearches(pb.ListSearchesRequest())).searches
            assert (listed.request.name, listed.request.prior, listed.pictures_done) == ("one", "tiny-prior", 0)
    monkeypatch.undo()
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        again = await stub(server).Ask(pb.AskRequest(name="one"))
        assert [one.png for one in again.pictures] == [one.png for one in asked.pictures]


def typical_of(builder: Builder, catalog: Any) -> Any:
    """The warm-up's work, whatever the builder lost."""
    return typical(Builder(catalog, builder.device))


async def test_what_is_sent_of_pictures(
    serving: Any, builder: Builder, begun: pb.CreateSearchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        search = stub(server)
        await search.CreateSearch(begun)
        whole = (await search.Ask(pb.AskRequest(name="one"))).pictures
        bare = (await search.Ask(pb.AskRequest(name="one", include=Include(image=False, code=False)))).pictures
        assert [one.png for one in bare] == [one.png for one in whole]
        assert not any(one.HasField("image") or one.HasField("code") for one in bare)
        images = [arrays.from_message(one.image) for one in whole]
        codes = np.stack([arrays.from_message(one.code) for one in whole])
        assert images[0].shape == (32, 32, 3) and codes.shape == (4, 24)
        monkeypatch.setattr(payload, "MAX_MESSAGE_BYTES", 30_000)
        details = await refused(search.Ask(pb.AskRequest(name="one")), grpc.StatusCode.INVALID_ARGUMENT)
        assert "include: the response would take" in details and "leave out image, code or png" in details
        begun.name, begun.options["population"] = "two", 100
        details = await refused(search.CreateSearch(begun), grpc.StatusCode.INVALID_ARGUMENT)
        assert "options.population: the response would take" in details


async def test_scores_that_say_nothing_or_two_things(serving: Any, builder: Builder, begun: pb.CreateSearchRequest) -> None:
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        search = stub(server)
        await search.CreateSearch(begun)
        both = [pb.Score(picture=0), pb.Score(picture=1, values=[1.0], missing=True)]
        details = await refused(search.Tell(pb.TellRequest(name="one", scores=both)), grpc.StatusCode.INVALID_ARGUMENT)
        assert details == "scores[0]: values are required, or missing; scores[1]: missing and values do not go together"
        for wrong, says in (("", "'' is not a search's name"), ("../one", "'../one' is not a search's name")):
            details = await refused(search.Tell(pb.TellRequest(name=wrong)), grpc.StatusCode.INVALID_ARGUMENT)
            assert says in details
        details = await refused(search.Tell(pb.TellRequest(name="one")), grpc.StatusCode.INVALID_ARGUMENT)
        assert "scores: 0 are not between 1 and" in details
        details = await refused(search.DeleteSearch(pb.DeleteSearchRequest(name="ones")), grpc.StatusCode.NOT_FOUND)
        assert details == "name: there is no search 'ones'; did you mean one?"


async def test_optimizers_are_listed_with_their_options(serving: Any, engine: Any) -> None:
    async with serving() as server:
        listed = await stub(server).ListOptimizers(pb.ListOptimizersRequest())
    by_name = {one.name: {option.name: option.default_value for option in one.options} for one in listed.optimizers}
    assert listed.default_optimizer == "cma"
    assert by_name["genetic"]["heritability"] == 0.5 and by_name["genetic"]["population"] == 20
    assert set(by_name) == {"cma", "diagonal-cma", "spherical-cma", "genetic"}
