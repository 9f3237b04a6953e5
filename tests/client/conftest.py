"""A small server that speaks the real protocol over a real wire, so that the client's tests need no network and no weights.

With TEST_THROUGH=front in the environment calls reach it through a cluster's front, which no test should notice, but for those in
FRONTS_OWN.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_client import Client
from dgnam_client._deadline import Deadline
from dgnam_proto import arrays
from dgnam_proto.v1 import (
    analysis_pb2,
    analysis_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    server_pb2,
    server_pb2_grpc,
    synthesis_pb2,
    synthesis_pb2_grpc,
    target_pb2,
)
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from PIL import Image

THROUGH_A_FRONT = os.environ.get("TEST_THROUGH") == "front"
FRONTS_OWN = (  # the token, the connection, health
    "test_aio.py::test_tokens",
    "test_channel.py::test_tokens_travel",
    "test_channel.py::test_the_channel_says_who_calls",
    "test_client.py::test_server",
    "test_doctor.py::test_a_server_that_shuts_down",
)
SIZE = 8
STEPS = 4
TAPS = {"conv1": (16, 4, 4), "fc8": (1205,)}
LABELS = ["lemon", "teapot", "tabby cat", *(f"thing {number}" for number in range(3, 1205))]


class Clock:
    """Time for the deadlines of calls: it goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.alarms: list[Alarm] = []

    def later(self, seconds: float, ring: Callable[[], None]) -> Alarm:
        alarm = Alarm(self, self.now + seconds, ring)
        self.alarms.append(alarm)
        return alarm

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        for alarm in [alarm for alarm in self.alarms if alarm.at <= self.now]:
            alarm.cancel()
            alarm.ring()


@dataclass(frozen=True, eq=False)
class Alarm:
    clock: Clock
    at: float
    ring: Callable[[], None]

    def cancel(self) -> None:
        if self in self.clock.alarms:
            self.clock.alarms.remove(self)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the deadlines of both clients go by."""
    clock = Clock()
    for calls in ("_calls", "_aio_calls"):
        monkeypatch.setattr(f"dgnam_client.{calls}.Deadline", lambda timeout, cancel, later: Deadline(timeout, cancel, clock.later))
    return clock


class SmallServer(
    synthesis_pb2_grpc.SynthesisServiceServicer,
    analysis_pb2_grpc.AnalysisServiceServicer,
    catalog_pb2_grpc.CatalogServiceServicer,
    server_pb2_grpc.ServerServiceServicer,
):
    """Draws noise at once. What a target's first label says may change that: "slow" never ends, "cut" ends without a result,
    "broken" is a result that cannot be read, "silent" ends without a gradient, "wrong" is refused with NOT_FOUND, "varied" likes some
    seeds more than others, and "queued" waits until `vacancy` is set, with a heartbeat now and then.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.cancelled = threading.Semaphore(0)
        # Raised by the next calls, one each.
        self.failures: list[tuple[grpc.StatusCode, str, tuple[Message, ...]]] = []
        self.version = "0.1.0"
        self.vacancy = threading.Event()
        # How many pictures Draw sends, however many codes there are.
        self.drawn_at_most: int | None = None
        self.models = [
            catalog_pb2.Model(
                name="alexnet64",
                role=catalog_pb2.ROLE_CLASSIFIER,
                description="A classifier.",
                image_height=SIZE,
                image_width=SIZE,
                output_tap="fc8",
                digest="c" * 64,
                indices=["photos"],
            ),
            catalog_pb2.Model(
                name="fc6-prior",
                role=catalog_pb2.ROLE_PRIOR,
                description="A prior.",
                image_height=SIZE,
                image_width=SIZE,
                code=catalog_pb2.Code(size=5, encoder="alexnet64", tap="fc6", start_learning_rate=0.25),
            ),
        ]
        self.health = health.HealthServicer()
        self.health.set("", health_pb2.HealthCheckResponse.SERVING)

    def fail(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        self.failures.append((code, message, details))

    def _note_end(self, label: str, context: grpc.ServicerContext) -> None:
        """Of the label "slow", tell when the call ends; asked for before anything is sent, as a call that has ended goes no further."""
        if label == "slow" and not context.add_callback(self.cancelled.release):
            self.cancelled.release()

    def _note(self, request: Any, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        if self.failures:
            abort(context, *self.failures.pop(0))

    def SynthesizePixels(self, request: synthesis_pb2.SynthesizePixelsRequest, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        self._note(request, context)
        response = synthesis_pb2.SynthesizePixelsResponse
        filled = replay_ready(request)
        yield response(started=synthesis_pb2.Started())
        for variant in range(max(request.variants, 1)):
            yield response(result=finished(filled, variant))

    def Draw(self, request: synthesis_pb2.DrawRequest, context: grpc.ServicerContext) -> synthesis_pb2.DrawResponse:  # noqa: N802
        self._note(request, context)
        codes = np.atleast_2d(arrays.from_message(request.codes))
        response = synthesis_pb2.DrawResponse(model_digests={"fc6-prior": "p" * 64})
        for code in codes[: self.drawn_at_most]:
            array = picture(int(code[0]))
            drawn = response.pictures.add(png=png(array), image=arrays.to_message(array))
            leave_out(drawn, request.include)
        return response

    def Activations(self, request: analysis_pb2.ActivationsRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Of every tap, 0, 1, 2, ...; the second picture's are larger by 1000, and so on."""
        self._note(request, context)
        response = analysis_pb2.ActivationsResponse(model_digests={"alexnet64": "c" * 64})
        for place in request.places:
            shape = (TAPS | {"fc6": (5,)})[place.tap or "fc8"]
            array = np.arange(np.prod(shape)).reshape(shape)
            if place.WhichOneof("unit") == "label":
                array = array[LABELS.index(place.label)]
            elif place.WhichOneof("unit") == "index":
                array = array[place.index]
            if place.HasField("position"):
                array = array[..., place.position.y, place.position.x]
            several = np.stack([array + 1000 * index for index in range(len(request.images))])
            if place.tap == "conv1":  # as if photographs gave 0, 1, 2, ... 255
                whole = place.WhichOneof("unit") is None
                compared = several.reshape(*several.shape[:2], -1).max(2) if whole else several
                response.percentiles.add(
                    place=len(response.activations),
                    percents=arrays.to_message(compared / 2.56),
                    largest=arrays.to_message(np.full(16, 255) if whole else np.array(255)),
                    index="photos",
                    photographs=256,
                )
            response.activations.append(arrays.to_message(several))
        return response

    def Exemplars(self, request: analysis_pb2.ExemplarsRequest, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """As many as are asked for, the weakest first; of the label "cut" one fewer. The index "none" is not there."""
        self._note(request, context)
        self._note_end(request.place.label, context)
        if request.index == "none":
            abort(context, grpc.StatusCode.FAILED_PRECONDITION, "this server has no index of photographs", ())
        yield analysis_pb2.ExemplarsResponse(queued=synthesis_pb2.Queued(position=1))
        yield analysis_pb2.ExemplarsResponse(started=synthesis_pb2.Started())
        yield from analysed(request.place.label, context, analysis_pb2.ExemplarsResponse)
        for rank in reversed(range(1 + (request.place.label == "cut"), (request.count or 9) + 1)):
            yield analysis_pb2.ExemplarsResponse(result=exemplar(request, rank))

    def GetFilters(self, request: analysis_pb2.GetFiltersRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Of every network two filters, of which the second dominates."""
        self._note(request, context)
        values = np.stack([np.full((3, 4, 3), 0.25), np.full((3, 4, 3), 1)])
        shares = {"low": 0.5, "middle": 0.25, "high": 0.25, "aliased": 0.125}
        return analysis_pb2.GetFiltersResponse(
            values=arrays.to_message(values), stride_y=2, stride_x=1, rms=[0.25, 1], dominating=[1], png=png(picture(3)), **shares
        )

    def Project(self, request: analysis_pb2.ProjectRequest, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Of each picture noise; of the label "cut" nothing. "slow" never ends."""
        self._note(request, context)
        self._note_end(request.place.label, context)
        response = analysis_pb2.ProjectResponse
        yield response(queued=synthesis_pb2.Queued(position=1))
        yield response(started=synthesis_pb2.Started())
        yield from analysed(request.place.label, context, response)
        for number in reversed(range(len(request.images))):
            if request.place.label != "cut":
                yield response(result=projected(request, number))

    def Occlude(self, request: analysis_pb2.OccludeRequest, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        self._note(request, context)
        self._note_end(request.places[0].label, context)
        response = analysis_pb2.OccludeResponse
        yield response(started=synthesis_pb2.Started())
        yield from analysed(request.places[0].label, context, response)
        for number in range(len(request.images)):
            yield response(result=occluded(request, number))

    def Transform(self, request: analysis_pb2.TransformRequest, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        self._note(request, context)
        self._note_end(request.places[0].label, context)
        response = analysis_pb2.TransformResponse
        yield response(started=synthesis_pb2.Started())
        yield from analysed(request.places[0].label, context, response)
        for number in range(len(request.images)):
            yield response(result=transformed(request, number))

    def Synthesize(self, request: synthesis_pb2.SynthesizeRequest, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        self._note(request, context)
        label = request.target.terms[0].unit.label
        if label == "wrong":
            info = error_details_pb2.ErrorInfo(reason="UNKNOWN_UNIT", domain="dgnam")
            resource = error_details_pb2.ResourceInfo(resource_type="unit", resource_name="alexnet64:fc8:wrong")
            abort(context, grpc.StatusCode.NOT_FOUND, "no unit 'wrong' in alexnet64:fc8; nearest: 'wren'", (info, resource))
        self._note_end(label, context)
        response = synthesis_pb2.SynthesizeResponse
        yield response(queued=synthesis_pb2.Queued(position=2))
        while label == "queued" and not self.vacancy.wait(0.05) and context.is_active():
            yield response(heartbeat=synthesis_pb2.Heartbeat())
        yield response(started=synthesis_pb2.Started())
        if label == "slow":
            step = 0
            while context.is_active():
                yield response(progress=synthesis_pb2.Progress(variants=[synthesis_pb2.VariantProgress(step=step, total_steps=10**6)]))
                time.sleep(0.01)
                step += 1
            return
        filled = replay_ready(request)
        steps = int(filled.options["steps"])
        for step in range(1, steps + 1):
            variants = []
            for variant in range(max(request.variants, 1)):
                wanted = request.preview_interval and step % request.preview_interval == 0
                preview = png(picture(filled.seed + variant)) if wanted else None
                variants.append(
                    synthesis_pb2.VariantProgress(variant=variant, step=step, total_steps=steps, activation=step / 2, preview=preview)
                )
            yield response(progress=synthesis_pb2.Progress(variants=variants))
            yield response(heartbeat=synthesis_pb2.Heartbeat())
        if label == "cut":
            return
        # Last first: the order of results is not promised.
        for variant in reversed(range(max(request.variants, 1))):
            result = finished(filled, variant)
            if label == "varied":
                result.activation = float(filled.seed * 7 % 5)
            if label == "broken":
                result.image.data = result.image.data[:-1]
            yield response(result=result)

    def ListModels(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._note(request, context)
        return catalog_pb2.ListModelsResponse(models=self.models)

    def GetModel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._note(request, context)
        model = next((model for model in self.models if model.name == request.name), None)
        if model is None:
            abort(context, grpc.StatusCode.NOT_FOUND, f"no model {request.name!r}", ())
        full = catalog_pb2.Model()
        full.CopyFrom(model)
        for name, shape in TAPS.items():
            full.taps.add(name=name, shape=shape)
            if name in request.receptive_fields_of and len(shape) == 3:
                full.taps[-1].receptive_field.CopyFrom(
                    catalog_pb2.ReceptiveField(top=[0, 1, 3, 5], bottom=[3, 5, 7, 8], left=[0, 1, 3, 5], right=[2, 4, 6, 8])
                )
        full.labels.extend(LABELS)
        full.training_json = '{"top1": 0.5}'
        return catalog_pb2.GetModelResponse(model=full)

    def ListUnits(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._note(request, context)
        matching = [(index, label) for index, label in enumerate(LABELS) if request.filter.lower() in label]
        start = int(request.page_token or 0)
        page = matching[start : start + request.page_size]
        after = start + len(page)
        tap = request.tap or "fc8"
        return catalog_pb2.ListUnitsResponse(
            units=[catalog_pb2.UnitInfo(index=index, label=label, address=f"{request.model}:{tap}:{label}") for index, label in page],
            next_page_token=str(after) if after < len(matching) else "",
            total_size=len(matching),
        )

    def ListMethods(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._note(request, context)
        option = catalog_pb2.Option
        steps = option(name="steps", description="Steps.", minimum=1, maximum=2000, default_value=STEPS, integer=True, part="method")
        rate = option(name="start_learning_rate", description="Rate.", minimum=0, maximum=100, part="ascent")
        decay = option(name="decay", description="Share.", minimum=0, maximum=1, default_value=0.01, part="decay")
        method = catalog_pb2.Method(
            name="dgn-am",
            description="Code ascent.",
            citation="Nguyen et al. 2016",
            options=[steps, rate, decay],
            space=catalog_pb2.SPACE_CODE,
        )
        weight = option(name="tv_weight", description="Weight.", minimum=0, maximum=1, default_value=0, part="total-variation")
        octaves = option(name="octaves", description="Resolutions.", minimum=1, maximum=9, default_value=2, integer=True, part="octaves")
        end = option(name="end_tv_weight", description="Where it goes.", minimum=0, maximum=1, part="total-variation")
        pixels = catalog_pb2.Method(
            name="pyramid",
            description="Pixel ascent.",
            citation="Pan et al. 2017",
            options=[steps, weight, octaves, end],
            space=catalog_pb2.SPACE_PIXELS,
        )
        inversion = catalog_pb2.Method(name="inversion", options=[steps, weight], space=catalog_pb2.SPACE_PIXELS)
        looks = option(name="looks", description="Looks.", minimum=1, maximum=9, default_value=3, integer=True, part="method")
        projections = [
            catalog_pb2.Method(name="deconvnet", description="Back to the pixels.", citation="Zeiler & Fergus 2013"),
            catalog_pb2.Method(name="integrated", description="On the way.", citation="Sundararajan 2017", options=[looks]),
        ]
        return catalog_pb2.ListMethodsResponse(
            methods=[method, pixels, inversion],
            default_method="dgn-am",
            default_prior="fc6-prior",
            default_pixel_method="pyramid",
            projections=projections,
            default_projection="deconvnet",
        )

    def GetServerInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._note(request, context)
        limits = server_pb2.Limits(max_steps=2000, max_message_bytes=2**26)
        return server_pb2.GetServerInfoResponse(
            version=self.version, device="a small processor", precision="float32", limits=limits, versions={"torch": "2"}, uptime_s=1.5
        )

    def GetLoad(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._note(request, context)
        return server_pb2.GetLoadResponse(
            queued_jobs=1, lanes=[server_pb2.LaneLoad(key="k", running_rows=3)], finished_jobs=7, own=server_pb2.ClientLoad(client="me")
        )


def analysed(label: str, context: grpc.ServicerContext, response: Any) -> Iterator[Any]:
    """Some progress; of the label "slow" without end."""
    step = 0
    while not step or (label == "slow" and context.is_active()):
        step += 1
        moved = [analysis_pb2.PictureProgress(picture=0, step=step, total_steps=10**6)]
        yield response(progress=analysis_pb2.AnalysisProgress(pictures=moved))
        yield response(heartbeat=synthesis_pb2.Heartbeat())
        time.sleep(0.01)


def recorded(**request: Any) -> analysis_pb2.AnalysisRecipe:
    """The recipe of a request for one picture."""
    return analysis_pb2.AnalysisRecipe(**request, model_digests={"alexnet64": "c" * 64}, versions={"dgnam": "0.1.0"}, device="small")


def projected(request: analysis_pb2.ProjectRequest, number: int) -> analysis_pb2.Projection:
    filled = analysis_pb2.ProjectRequest(method="deconvnet")
    filled.MergeFrom(request)
    del filled.images[:]
    filled.images.append(request.images[number])
    array = np.zeros((SIZE, SIZE, 3), np.float32)
    array[2:5, 1:7] = picture(number)[2:5, 1:7]
    return analysis_pb2.Projection(
        picture=number,
        unit=3,
        label="lemon",
        positions=[target_pb2.Position(y=1, x=2)],
        activations=[2.5 + number],
        values=arrays.to_message(array),
        png=png(array),
        seen=png(picture(9)),
        recipe=recorded(project=filled),
    )


def exemplar(request: analysis_pb2.ExemplarsRequest, rank: int) -> analysis_pb2.Exemplar:
    """A photograph, of which the unit sees rows 1 to 4 and columns 2 to 7."""
    asked = analysis_pb2.ProjectRequest(place=request.place, images=[png(picture(9))])
    return analysis_pb2.Exemplar(
        rank=rank,
        photograph=f"n01_red_fox/{rank}.png",
        folder="red fox",
        unit=3,
        label="lemon" if request.place.tap == "fc8" else "",
        activation=10 - rank,
        position=target_pb2.Position(y=1, x=2),
        box=analysis_pb2.PixelBox(top=1, left=2, bottom=5, right=8),
        seen=png(picture(9)),
        projection=None if request.HasField("project") and not request.project else projected(asked, 0),
        index=request.index or "photos",
        photographs=5000,
    )


def occluded(request: analysis_pb2.OccludeRequest, number: int) -> analysis_pb2.Occlusion:
    filled = analysis_pb2.OccludeRequest()
    filled.CopyFrom(request)
    del filled.images[:]
    filled.images.append(request.images[number])
    if "broken" in [place.label for place in request.places]:
        filled.places[0].label = "lemon"
    maps = np.arange(4, dtype=np.float32).reshape(2, 2)
    return analysis_pb2.Occlusion(
        picture=number,
        unit=5,
        class_index=0,
        class_label="lemon",
        activation=4,
        probability=0.75,
        top_class=0,
        activation_map=arrays.to_message(maps),
        probability_map=arrays.to_message(maps / 4),
        top_classes=[0, 0, 1] if request.places[0].label == "broken" else [0, 0, 1, 0],
        labels={0: "lemon", 1: "teapot"},
        activation_png=png(picture(1)),
        probability_png=png(picture(2)),
        classes_png=png(picture(3)),
        seen=png(picture(9)),
        recipe=recorded(occlude=filled),
    )


def transformed(request: analysis_pb2.TransformRequest, number: int) -> analysis_pb2.Invariance:
    filled = analysis_pb2.TransformRequest()
    filled.CopyFrom(request)
    del filled.images[:]
    filled.images.append(request.images[number])
    curve = analysis_pb2.InvarianceCurve(
        change=analysis_pb2.CHANGE_ROTATION,
        amounts=[0, 90, 180],
        distances=arrays.to_message(np.arange(6, dtype=np.float32).reshape(2, 3)),
        probabilities=[0.75, 0.5] if request.places[0].label == "broken" else [0.75, 0.5, 0.25],
        top_classes=[0, 0, 1],
    )
    return analysis_pb2.Invariance(
        picture=number,
        class_index=0,
        class_label="lemon",
        probability=0.75,
        top_class=0,
        taps=["conv1", "fc7"],
        lengths=[2, 4],
        curves=[curve],
        labels={0: "lemon", 1: "teapot"},
        seen=png(picture(9)),
        recipe=recorded(transform=filled),
    )


def abort(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, details: tuple[Message, ...]) -> None:
    packed = []
    for detail in details:
        any_detail = any_pb2.Any()
        any_detail.Pack(detail)
        packed.append(any_detail)
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message, details=packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, message)


def replay_ready(request: Any) -> Any:
    """The request with its defaults filled in, for one variant."""
    filled = type(request)()
    if isinstance(request, synthesis_pb2.SynthesizeRequest):
        filled.prior, filled.method = "fc6-prior", "dgn-am"
        filled.options.update({"end_learning_rate": 1e-10, "decay": 0.01})
    else:
        filled.method = "pyramid"
    filled.seed = 0
    filled.options["steps"] = STEPS
    filled.MergeFrom(request)
    filled.ClearField("variants")
    return filled


def leave_out(message: Any, include: synthesis_pb2.Include) -> None:
    """Clear the parts of a picture that the request does not want."""
    for name in ("png", "image", "code", "history"):
        if name in message.DESCRIPTOR.fields_by_name and include.HasField(name) and not getattr(include, name):
            message.ClearField(name)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.1, 1.1, size=(SIZE, SIZE, 3)).astype(np.float32)


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray((array.clip(0, 1) * 255).astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()


def finished(filled: Any, variant: int = 0) -> synthesis_pb2.Result:
    seeded = type(filled)()
    seeded.CopyFrom(filled)
    seeded.seed = filled.seed + variant
    array = picture(seeded.seed)
    terms = len(filled.target.terms)
    silent = filled.target.terms[0].unit.label == "silent"
    pixels = isinstance(filled, synthesis_pb2.SynthesizePixelsRequest)
    steps = int(filled.options["steps"])
    result = synthesis_pb2.Result(
        variant=variant,
        png=png(array),
        image=arrays.to_message(array),
        activation=12.5,
        term_activations=[12.5] * terms,
        history=arrays.to_message(np.arange(steps * terms).reshape(steps, terms)),
        code=arrays.to_message(np.arange(5)),
        ending=synthesis_pb2.ENDING_NO_GRADIENT if silent else synthesis_pb2.ENDING_STEPS_DONE,
        recipe=synthesis_pb2.Recipe(
            **{"synthesize_pixels" if pixels else "synthesize": seeded},
            model_digests={"alexnet64": "c" * 64},
            versions={"dgnam": "0.1.0"},
            device="a small processor",
        ),
    )
    leave_out(result, filled.include)
    return result


def start(servicer: SmallServer, credentials: grpc.ServerCredentials | None = None) -> grpc.Server:
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    synthesis_pb2_grpc.add_SynthesisServiceServicer_to_server(servicer, server)
    analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(servicer, server)
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(servicer, server)
    server_pb2_grpc.add_ServerServiceServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(servicer.health, server)
    if credentials is None:
        servicer.url = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        servicer.url = f"grpcs://localhost:{server.add_secure_port('127.0.0.1:0', credentials)}"
    server.start()
    return server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what a front does by itself where there is one."""
    for item in items:
        if THROUGH_A_FRONT and item.nodeid.endswith(FRONTS_OWN):
            item.add_marker(pytest.mark.skip(reason="a front has a token, connections and health of its own"))


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., SmallServer]]:
    """Starts a server, of TLS where credentials are given."""
    running = []

    def begin(credentials: grpc.ServerCredentials | None = None) -> SmallServer:
        servicer = SmallServer()
        running.append(start(servicer, credentials))
        if THROUGH_A_FRONT and credentials is None:
            fronts.enter_context(through(servicer, tmp_path_factory.mktemp("front")))
        return servicer

    with ExitStack() as fronts:
        yield begin
    for server in running:
        server.stop(None).wait(10)


@contextmanager
def through(servicer: SmallServer, folder: Path) -> Iterator[None]:
    """Have clients reach the server through a front."""
    from dgnam_server.cluster.routing import Replica
    from fronts import Given, front

    with front(folder, Given([Replica("0", servicer.url.removeprefix("grpc://"))])) as address:
        servicer.url = f"grpc://{address}"
        yield


@pytest.fixture
def server(serve: Callable[..., SmallServer], monkeypatch: pytest.MonkeyPatch) -> SmallServer:
    monkeypatch.delenv("DGNAM_TOKEN", raising=False)
    servicer = serve()
    monkeypatch.setenv("DGNAM_SERVER", servicer.url)
    return servicer


@pytest.fixture
def client(server: SmallServer) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture
def result_message() -> Callable[..., synthesis_pb2.Result]:
    """Makes the message of a finished picture; takes terms and a seed."""

    def make(*terms: target_pb2.Term, seed: int = 0) -> synthesis_pb2.Result:
        default = target_pb2.Term(unit=target_pb2.Unit(model="alexnet64", tap="fc8", label="lemon"))
        target = target_pb2.Target(terms=terms or [default])
        return finished(replay_ready(synthesis_pb2.SynthesizeRequest(target=target, seed=seed)))

    return make


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A self-signed certificate of localhost, good for both ends: files `ca`, `cert` and `key`."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return {"ca": cert, "cert": cert, "key": key}
