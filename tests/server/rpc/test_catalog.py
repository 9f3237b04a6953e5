"""Models and methods as the catalog tells them, and CatalogService over a real socket."""

import json
from dataclasses import replace
from typing import Any

import grpc
import pytest
from dgnam_proto.v1 import catalog_pb2, catalog_pb2_grpc
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import catalog, space
from dgnam_server.synth.methods import METHODS


def test_models(tiny: Catalog) -> None:
    card = tiny.cards["tiny"]
    full, brief = catalog.model(card, full=True), catalog.model(card, full=False)
    assert [(tap.name, tuple(tap.shape)) for tap in full.taps] == [(tap.name, tap.shape) for tap in card.taps]
    assert (tuple(full.labels), full.output_tap, full.image_height, full.role) == (card.labels, "fc8", 32, catalog_pb2.ROLE_CLASSIFIER)
    assert json.loads(full.training_json) == card.training
    assert not brief.taps
    assert not brief.labels
    assert not brief.HasField("code")
    prior = catalog.model(tiny.cards["tiny-prior"], full=False)
    assert (prior.role, prior.code.size, prior.code.encoder, prior.code.tap) == (catalog_pb2.ROLE_PRIOR, 24, "tiny", "relu6")


def test_a_priors_own_defaults(tiny: Catalog) -> None:
    card = replace(tiny.cards["tiny-prior"], options={"dgn-am": {"steps": 30, "scale": 0.08}})
    told = catalog.model(card, full=False).code.option_defaults
    assert {method: dict(options.values) for method, options in told.items()} == card.options


def test_methods_tell_the_servers_limit() -> None:
    listed = catalog.methods("a prior", max_steps=50)
    options = {option.name: option for option in listed.methods[0].options}
    assert (listed.default_method, listed.default_prior, listed.default_pixel_method) == ("dgn-am", "a prior", "pyramid")
    assert (options["steps"].maximum, options["steps"].default_value) == (50, 50)
    assert not options["start_learning_rate"].HasField("default_value")


def test_every_method_tells_its_options_and_its_call() -> None:
    for message, method in zip(catalog.methods("a prior", 2000).methods, METHODS.values(), strict=True):
        here = space.PIXELS if method.name in space.PIXELS.methods else space.CODE
        assert (message.name, message.space, method.name in here.methods) == (method.name, here.number, True)
        told = [(o.name, o.minimum, o.maximum, o.integer, o.part) for o in message.options]
        assert told == [(o.name, o.minimum, o.maximum, o.integer, o.part) for o in method.options]
    assert not space.CODE.methods.keys() & space.PIXELS.methods.keys()


async def test_over_a_socket(serving: Any) -> None:
    async with serving() as server:
        stub = catalog_pb2_grpc.CatalogServiceStub(server.channel)
        models = (await stub.ListModels(catalog_pb2.ListModelsRequest())).models
        assert [model.name for model in models if model.name.startswith("tiny")] == ["tiny", "tiny-prior", "tiny-res"]
        model = (await stub.GetModel(catalog_pb2.GetModelRequest(name="tiny"))).model
        assert (model.labels[1], json.loads(model.training_json)) == ("school bus", {})
        defaults = {model.name: model.default_projection for model in models}
        assert defaults | {"tiny": "deconvnet", "tiny-prior": "", "tiny-res": "guided-backpropagation"} == defaults
        assert not any(tap.HasField("receptive_field") for tap in model.taps)
        asked = catalog_pb2.GetModelRequest(name="tiny", receptive_fields_of=["conv1", "fc6", "conv1"])
        fields = {tap.name: tap.receptive_field for tap in (await stub.GetModel(asked)).model.taps if tap.HasField("receptive_field")}
        assert list(fields) == ["conv1"] and list(fields["conv1"].top[:3]) == [0, 0, 2] and list(fields["conv1"].bottom[:3]) == [3, 5, 7]
        for names, code in ((["conv1", "cnov"], grpc.StatusCode.NOT_FOUND), ([""], grpc.StatusCode.INVALID_ARGUMENT)):
            with pytest.raises(grpc.aio.AioRpcError) as wrong:
                await stub.GetModel(catalog_pb2.GetModelRequest(name="tiny", receptive_fields_of=names))
            assert wrong.value.code() is code and "receptive_fields_of" in str(wrong.value.details())
        assert (await stub.ListUnits(catalog_pb2.ListUnitsRequest(model="tiny"))).total_size == 7
        assert (await stub.ListMethods(catalog_pb2.ListMethodsRequest())).default_prior == "tiny-prior"
        for name, code in (("tyni", grpc.StatusCode.NOT_FOUND), ("", grpc.StatusCode.INVALID_ARGUMENT)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.GetModel(catalog_pb2.GetModelRequest(name=name))
            assert caught.value.code() is code
