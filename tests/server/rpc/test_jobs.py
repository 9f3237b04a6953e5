"""JobService in this process, with the real engine and the real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import torch
from dgnam_models.exemplars import ExemplarIndex
from dgnam_proto.v1 import analysis_pb2_grpc, jobs_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1 import jobs_pb2 as pb
from dgnam_proto.v1.analysis_pb2 import ExemplarsRequest, OccludeRequest, Place
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc.job_drawing import obstacle
from dgnam_server.settings import Settings

OPTIONS = {"steps": 2.0, "start_draws": 0.0}
UNITS = pb.JobTarget(units=pb.JobUnits(model="tiny", tap="fc8", indices=[0, 2], labels=["school bus"]))


def template(**fields: Any) -> pb.JobTemplate:
    return pb.JobTemplate(synthesize=SynthesizeRequest(options=OPTIONS, **fields))


def submission(*targets: pb.JobTarget, seeds: int = 2) -> pb.SubmitJobRequest:
    return pb.SubmitJobRequest(templates=[template(variants=seeds)], targets=targets or (UNITS,))


@pytest.fixture
def config(config: Settings, tmp_path: Path) -> Settings:
    return config.model_copy(update={"jobs": str(tmp_path / "jobs"), "max_client_jobs": 3, "max_job_pictures": 200})


@pytest.fixture
def builder(indexed: Catalog) -> Builder:
    return Builder(indexed, torch.device("cpu"))


@pytest.fixture
async def stub(serving: Any, builder: Builder) -> AsyncIterator[Any]:
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        found = jobs_pb2_grpc.JobServiceStub(server.channel)
        found.channel = server.channel
        yield found


async def refused(call: Any, code: grpc.StatusCode) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return caught.value.details() or ""


async def ended(stub: Any, id: str, *, all_pictures: bool = True) -> tuple[pb.Job, list[pb.JobPicture]]:
    """Watch a job until it is over."""
    told, job = [], pb.Job()
    async with asyncio.timeout(60):
        async for message in stub.WatchJob(pb.WatchJobRequest(id=id, all_pictures=all_pictures)):
            job = message.job
            told += message.pictures
    return job, told


async def test_a_job_is_drawn_and_watched_and_read(stub: Any) -> None:
    begun = await stub.SubmitJob(submission())
    assert not begun.resumed and begun.job.pictures == 6 and begun.job.title == "3 units of tiny:fc8: dgn-am, 2 seeds"
    job, told = await ended(stub, begun.job.id)
    assert (job.state, job.done, job.failed, job.found) == (pb.JOB_STATE_DONE, 6, 0, 0)
    assert sorted((one.unit, one.label, one.seed) for one in told) == sorted(
        (unit, label, seed) for unit, label in ((0, "goldfish"), (2, "lemon"), (1, "school bus")) for seed in (0, 1)
    )
    listed = await stub.ListJobPictures(pb.ListJobPicturesRequest(job=job.id, page_size=4))
    assert [(one.unit, one.seed) for one in listed.pictures] == [(0, 0), (0, 1), (2, 0), (2, 1)] and listed.total_size == 6
    rest = await stub.ListJobPictures(pb.ListJobPicturesRequest(job=job.id, page_size=4, page_token=listed.next_page_token))
    assert [(one.unit, one.seed) for one in rest.pictures] == [(1, 0), (1, 1)] and not rest.next_page_token
    got = await stub.GetJobPicture(pb.GetJobPictureRequest(id=rest.pictures[0].id))
    assert got.result.png.startswith(b"\x89PNG") and got.result.recipe.synthesize.seed == 0
    assert got.picture.activation == pytest.approx(got.result.activation)
    known = await stub.GetJob(pb.GetJobRequest(id=job.id))
    assert known.request == submission() and known.job.state == pb.JOB_STATE_DONE
    assert [one.id for one in (await stub.ListJobs(pb.ListJobsRequest())).jobs] == [job.id]


async def test_what_is_wrong_is_told_by_the_fields_of_the_job(stub: Any) -> None:
    wrong = pb.SubmitJobRequest(
        templates=[
            pb.JobTemplate(),
            pb.JobTemplate(synthesize=SynthesizeRequest(priority=2, target=Target(), variants=0)),
        ],
        targets=[pb.JobTarget(), pb.JobTarget(units=pb.JobUnits(model="tiny", tap="fc8", indices=[7], labels=["lime"]))],
        title="x" * 201,
    )
    told = await refused(stub.SubmitJob(wrong), grpc.StatusCode.INVALID_ARGUMENT)
    for field in ("title: 201", "templates[0]: a request", "templates[1].synthesize.target", "templates[1].synthesize.priority"):
        assert field in told
    for field in (
        "templates[1].synthesize.variants: 0",
        "targets[0]: units",
        "targets[1].units.indices[0]: 7",
        "targets[1].units.labels[0]",
    ):
        assert field in told
    unknown = pb.SubmitJobRequest(templates=[template()], targets=[pb.JobTarget(units=pb.JobUnits(model="tiyn"))])
    assert "did you mean tiny" in await refused(stub.SubmitJob(unknown), grpc.StatusCode.NOT_FOUND)
    many = pb.SubmitJobRequest(templates=[template(variants=100)], targets=[pb.JobTarget(units=pb.JobUnits(model="tiny"))])
    assert "are more than 200" in await refused(stub.SubmitJob(many), grpc.StatusCode.INVALID_ARGUMENT)
    steps = pb.SubmitJobRequest(templates=[pb.JobTemplate(synthesize=SynthesizeRequest(options={"steps": -1}))], targets=[UNITS, UNITS])
    told = await refused(stub.SubmitJob(steps), grpc.StatusCode.INVALID_ARGUMENT)
    assert told.count("templates[0].synthesize.options.steps") == 1, "what is wrong with a template is told once, not for each target"
    assert not (await stub.ListJobs(pb.ListJobsRequest())).jobs, "nothing has begun"


async def test_unknown_ids_and_tokens(stub: Any) -> None:
    for call, request in (
        (stub.GetJob, pb.GetJobRequest(id="0" * 16)),
        (stub.PauseJob, pb.PauseJobRequest(id="../etc")),
        (stub.DeleteJob, pb.DeleteJobRequest(id="")),
        (stub.ListJobPictures, pb.ListJobPicturesRequest(job="0" * 16)),
        (stub.GetJobPicture, pb.GetJobPictureRequest(id="0" * 64)),
        (stub.GetJobPicture, pb.GetJobPictureRequest(id="x")),
    ):
        assert "there is no" in await refused(call(request), grpc.StatusCode.NOT_FOUND)
    with pytest.raises(grpc.aio.AioRpcError, match="there is no job"):
        _ = [message async for message in stub.WatchJob(pb.WatchJobRequest(id="0" * 16))]
    for call, request in (
        (stub.ListJobs, pb.ListJobsRequest(page_token="x")),
        (stub.ListJobPictures, pb.ListJobPicturesRequest(page_token="x")),
    ):
        assert "page_token: not a token" in await refused(call(request), grpc.StatusCode.INVALID_ARGUMENT)
    assert (await stub.ListJobPictures(pb.ListJobPicturesRequest(seed=2**64 - 1))).total_size == 0


async def test_pause_resume_cancel_delete(stub: Any) -> None:
    long = pb.SubmitJobRequest(
        templates=[pb.JobTemplate(synthesize=SynthesizeRequest(options={"steps": 2000, "start_draws": 0}))], targets=[UNITS]
    )
    id = (await stub.SubmitJob(long)).job.id
    assert (await stub.PauseJob(pb.PauseJobRequest(id=id))).job.state == pb.JOB_STATE_PAUSED
    waiting = await stub.ListJobPictures(pb.ListJobPicturesRequest(job=id))
    assert "not drawn yet" in await refused(
        stub.GetJobPicture(pb.GetJobPictureRequest(id=waiting.pictures[0].id)), grpc.StatusCode.FAILED_PRECONDITION
    )
    assert (await stub.ResumeJob(pb.ResumeJobRequest(id=id))).job.state == pb.JOB_STATE_RUNNING
    assert (await stub.CancelJob(pb.CancelJobRequest(id=id))).job.state == pb.JOB_STATE_CANCELLED
    job, _ = await ended(stub, id)
    assert job.state == pb.JOB_STATE_CANCELLED, "a watcher of a job that is over hears so"
    assert (await stub.DeleteJob(pb.DeleteJobRequest(id=id))).pictures == 3


async def test_a_label_an_index_and_a_target_are_one_picture(stub: Any) -> None:
    spellings = [
        pb.JobTarget(units=pb.JobUnits(model="tiny", tap="fc8", labels=["Lemon"])),
        pb.JobTarget(units=pb.JobUnits(model="tiny", tap="fc8", indices=[2])),
        pb.JobTarget(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2, bare=True))])),
    ]
    ids = {(await stub.SubmitJob(submission(one, seeds=1))).job.id for one in spellings}
    assert len(ids) == 1
    together = await stub.SubmitJob(submission(*spellings, seeds=1))
    assert together.job.id in ids and together.job.pictures == 1


async def test_people_who_wait_come_first(stub: Any) -> None:
    """Of a job that fills every batch, a picture that somebody waits for sees next to nothing."""
    long = SynthesizeRequest(options={"steps": 400, "start_draws": 0}, variants=8)
    job = (await stub.SubmitJob(pb.SubmitJobRequest(templates=[pb.JobTemplate(synthesize=long)], targets=[UNITS]))).job
    drawing = synthesis_pb2_grpc.SynthesisServiceStub(stub.channel)
    asked = SynthesizeRequest(
        target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=4))]), options={"steps": 20, "start_draws": 0}
    )
    async with asyncio.timeout(100):
        assert [message async for message in drawing.Synthesize(asked)][-1].HasField("result")
    assert (await stub.GetJob(pb.GetJobRequest(id=job.id))).job.done < 12
    await stub.CancelJob(pb.CancelJobRequest(id=job.id))


async def test_a_server_without_jobs_says_what_to_set(serving: Any, config: Settings) -> None:
    async with serving(config=config.model_copy(update={"jobs": "off"})) as server:
        told = await refused(
            jobs_pb2_grpc.JobServiceStub(server.channel).ListJobs(pb.ListJobsRequest()), grpc.StatusCode.FAILED_PRECONDITION
        )
    assert "keeps no jobs" in told and "--jobs FOLDER" in told


def analysed(*targets: pb.JobTarget, **fields: Any) -> pb.SubmitJobRequest:
    asked = submission(*targets, seeds=1)
    asked.analyses.CopyFrom(pb.JobAnalyses(**{"exemplars": ExemplarsRequest(count=2), **fields}))
    return asked


async def test_a_units_photographs_are_shown_beside_its_pictures(stub: Any, indexed: Catalog, index: ExemplarIndex) -> None:
    maps = pb.JobTarget(units=pb.JobUnits(model="tiny", tap="conv2", indices=[3]))
    pair = pb.JobTarget(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", label=label)) for label in ("lemon", "goldfish")]))
    asked = analysed(maps, pair, occlusion=OccludeRequest(stride=16))
    begun = (await stub.SubmitJob(asked)).job
    assert begun.pictures == 2 + 3 * (2 + 2 + 1) and begun.title.endswith("; 2 exemplars, deconvnet, 1 occlusion")
    job, told = await ended(stub, begun.id)
    assert (job.done, job.failed) == (17, 0), [one.error for one in told]
    listed = (await stub.ListJobPictures(pb.ListJobPicturesRequest(job=job.id, tap="conv2"))).pictures
    kinds = [pb.JobPictureKind.Name(one.kind).removeprefix("JOB_PICTURE_KIND_").lower() for one in listed]
    assert kinds == ["synthesis", "exemplar", "exemplar", "projection", "projection", "occlusion"]
    assert [(one.rank, one.seed, one.method) for one in listed[1:]] == [
        *((rank, 0, "exemplars") for rank in (1, 2)),
        *((rank, 0, "deconvnet") for rank in (1, 2)),
        (1, 0, "occlusion"),
    ]
    whole = [await stub.GetJobPicture(pb.GetJobPictureRequest(id=one.id)) for one in listed[1:]]
    alone = analysis_pb2_grpc.AnalysisServiceStub(stub.channel)
    place = ExemplarsRequest(place=Place(model="tiny", tap="conv2", index=3), count=2)
    results = [message.result async for message in alone.Exemplars(place) if message.HasField("result")]
    for result in sorted(results, key=lambda one: one.rank):
        exemplar, projection = whole[result.rank - 1].exemplar, whole[result.rank + 1].exemplar
        assert exemplar.seen == result.seen and projection.projection.png == result.projection.png, "as if they had been asked for alone"
        for name in ("rank", "photograph", "folder", "activation", "position", "box", "index", "photographs"):
            assert getattr(exemplar, name) == getattr(projection, name) == getattr(result, name)
        assert not projection.seen and not projection.projection.recipe.project.images and projection.projection.recipe.project.method
    covered = whole[-1].occlusion
    assert covered.activation_png.startswith(b"\x89PNG") and not covered.probability_png and whole[-1].exemplar.rank == 1
    (of_class,) = (await stub.ListJobPictures(pb.ListJobPicturesRequest(job=job.id, unit=2, kind=pb.JOB_PICTURE_KIND_OCCLUSION))).pictures
    covered = (await stub.GetJobPicture(pb.GetJobPictureRequest(id=of_class.id))).occlusion
    assert covered.probability_png.startswith(b"\x89PNG") and covered.class_label == "lemon" and of_class.label == "lemon"
    of_seed = await stub.ListJobPictures(pb.ListJobPicturesRequest(job=job.id, seed=1))
    assert not of_seed.total_size, "a rank is no seed"
    more = analysed(maps, exemplars=ExemplarsRequest(count=3))
    assert (await stub.SubmitJob(more)).job.found == 5, "nothing is made twice: a picture, two photographs and their projections"


async def test_what_is_wrong_with_analyses_is_told_at_once(stub: Any) -> None:
    wrong = analysed(
        pb.JobTarget(units=pb.JobUnits(model="tiny", tap="conv3")),
        pb.JobTarget(units=pb.JobUnits(model="tiny-res", tap="fc")),
        pb.JobTarget(units=pb.JobUnits(model="tiny", tap="fc8", indices=[0])),
        exemplars=ExemplarsRequest(count=5, method="deconvnets", options={"steps": 5}),
        occlusion=OccludeRequest(size=1000),
        occluded=9,
    )
    told = await refused(stub.SubmitJob(wrong), grpc.StatusCode.INVALID_ARGUMENT)
    for text in (
        "analyses.exemplars: the index noise has no units of tiny:conv3",
        "analyses.exemplars: this server has no index of photographs for tiny-res: the index old",
        "analyses.exemplars.count: 5 is not between 1 and 4",
        "analyses.exemplars.method: there is no method 'deconvnets'",
        "analyses.occlusion.size: 1000",
    ):
        assert text in told and told.count(text) == 1
    nothing = analysed(occluded=1, exemplars=ExemplarsRequest(priority=2, place=Place(model="tiny")))
    told = await refused(stub.SubmitJob(nothing), grpc.StatusCode.INVALID_ARGUMENT)
    for field in ("analyses.exemplars.priority", "analyses.exemplars.place", "analyses.occluded: it goes with occlusion"):
        assert field in told
    many = analysed(pb.JobTarget(units=pb.JobUnits(model="tiny", tap="fc6")), exemplars=ExemplarsRequest(count=4))
    assert "are more than 200" in await refused(stub.SubmitJob(many), grpc.StatusCode.INVALID_ARGUMENT)
    assert not (await stub.ListJobs(pb.ListJobsRequest())).jobs, "nothing has begun"


async def test_another_index_of_the_same_name_is_an_obstacle(indexed: Catalog, index: ExemplarIndex) -> None:
    models = {"tiny": index.header.digest, "tiny/noise": index.content}
    assert obstacle(indexed, models) == ""
    assert "another here" in obstacle(indexed, models | {"tiny/noise": "0" * 64})
    assert "is not here: start the server with --indices" in obstacle(indexed, {"tiny/nose": index.content})
