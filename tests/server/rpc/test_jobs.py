"""JobService in this process, with the real engine and the real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_proto.v1 import jobs_pb2 as pb
from dgnam_proto.v1 import jobs_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
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
async def stub(serving: Any, builder: Builder) -> AsyncIterator[Any]:
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        yield jobs_pb2_grpc.JobServiceStub(server.channel)


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
