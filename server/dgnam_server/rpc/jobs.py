"""JobService: read the request, ask the store beside the event loop, write. What draws is jobs/runner.py."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dgnam_proto.v1 import jobs_pb2 as pb
from dgnam_proto.v1 import jobs_pb2_grpc

from dgnam_server.jobs.database import StoreError
from dgnam_server.jobs.listing import Listing, UnknownPicture
from dgnam_server.jobs.runner import Runner
from dgnam_server.jobs.schema import JobState, PictureState
from dgnam_server.jobs.store import NoRoom, Status, Store, UnknownJob
from dgnam_server.rpc import identity, job_drawing, job_message, job_request
from dgnam_server.rpc.errors import FailedPrecondition, JobStoreDown, Missing, NotFound, Reason, Unmet
from dgnam_server.rpc.submission import Context, Submitter, passed_on
from dgnam_server.rpc.wording import quoted

T = TypeVar("T")
_LOOK_S, _SILENCE_S = 1.0, 10.0
_LATE_S = 60.0  # a transaction's time may be so long before its pictures can be seen
_MOST_TOLD = 500
_ID, _ADDRESS = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{64}")
_OFF = "this server keeps no jobs: start it with `--jobs FOLDER`, or without `--jobs off`"
_STATES: Mapping[int, tuple[PictureState, bool | None]] = {  # of the wire: the store's, and whether a server has the picture in hand
    pb.JOB_PICTURE_STATE_WAITING: (PictureState.OPEN, False),
    pb.JOB_PICTURE_STATE_RUNNING: (PictureState.OPEN, True),
    pb.JOB_PICTURE_STATE_DONE: (PictureState.DONE, None),
    pb.JOB_PICTURE_STATE_FAILED: (PictureState.FAILED, None),
}


@dataclass(frozen=True, eq=False)
class Jobs:
    """What a server that keeps jobs has for it."""

    store: Store
    listing: Listing
    runner: Runner


@dataclass(frozen=True, eq=False)
class JobServicer(jobs_pb2_grpc.JobServiceServicer):
    """Jobs; `jobs` is None where the server keeps none."""

    submitter: Submitter
    jobs: Jobs | None
    _planning: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def SubmitJob(self, request: pb.SubmitJobRequest, context: Context) -> pb.SubmitJobResponse:  # noqa: N802
        """Begins a job, or goes on with it."""
        jobs, reader = self._jobs(), self.submitter.reader()
        async with self._planning:  # one at a time: many pictures take much memory
            asked = await asyncio.to_thread(job_request.read, reader, request)
            await job_request.decoded(asked.parts, self.submitter.pools.decoder.decode)
            plan = await asyncio.to_thread(job_request.plan, asked, request, identity.of_call(context, self.submitter.limits.client_header))
            status, known = await _done(jobs.store.submit, plan)
        jobs.runner.wake()
        return pb.SubmitJobResponse(job=await self._message(jobs, status), resumed=known)

    async def GetJob(self, request: pb.GetJobRequest, context: Context) -> pb.GetJobResponse:  # noqa: N802
        """How far a job is."""
        jobs, id = self._jobs(), self._id(request.id)
        submitted = pb.SubmitJobRequest.FromString(await _done(jobs.store.request, id))
        return pb.GetJobResponse(job=await self._message(jobs, await _done(jobs.store.job, id)), request=submitted)

    async def ListJobs(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:  # noqa: N802
        """Jobs, the newest first."""
        jobs, reader = self._jobs(), self.submitter.reader()
        before, size = job_message.read_jobs_token(reader.at("page_token"), request.page_token), job_message.size(request.page_size)
        reader.raise_any()
        found: list[Status] = await _done(jobs.store.jobs, before, size + 1)
        token = job_message.jobs_token(found[size - 1]) if len(found) > size else ""
        return pb.ListJobsResponse(jobs=[await self._message(jobs, one) for one in found[:size]], next_page_token=token)

    async def WatchJob(self, request: pb.WatchJobRequest, context: Context) -> None:  # noqa: N802
        """Streams how far a job is."""
        jobs, id = self._jobs(), self._id(request.id)
        watch, loop = _Watch(jobs, id), asyncio.get_running_loop()
        await _done(watch.begin, request.all_pictures)
        told: pb.Job | None = None
        silent_until = 0.0
        while True:
            status, fresh = await _done(watch.look)
            now, message = await _done(jobs.listing.now), await self._message(jobs, status)
            if fresh or _differs(told, message) or loop.time() >= silent_until:
                for some in _parted(fresh):
                    pictures = [job_message.picture(row, now) for row in some]
                    response = pb.WatchJobResponse(job=message, pictures=pictures)
                    await passed_on(context, response, self.submitter.limits.read_timeout_s)
                told, silent_until = message, loop.time() + _SILENCE_S
            if status.over:
                return
            await asyncio.sleep(_LOOK_S)

    async def PauseJob(self, request: pb.PauseJobRequest, context: Context) -> pb.PauseJobResponse:  # noqa: N802
        """Draws no more of a job for now."""
        return pb.PauseJobResponse(job=await self._moved(request.id, Store.pause))

    async def ResumeJob(self, request: pb.ResumeJobRequest, context: Context) -> pb.ResumeJobResponse:  # noqa: N802
        """Goes on with a job."""
        return pb.ResumeJobResponse(job=await self._moved(request.id, Store.resume))

    async def CancelJob(self, request: pb.CancelJobRequest, context: Context) -> pb.CancelJobResponse:  # noqa: N802
        """Gives up what is not drawn."""
        return pb.CancelJobResponse(job=await self._moved(request.id, Store.cancel))

    async def DeleteJob(self, request: pb.DeleteJobRequest, context: Context) -> pb.DeleteJobResponse:  # noqa: N802
        """Forgets a job."""
        jobs = self._jobs()
        deleted = await _done(jobs.store.delete, self._id(request.id))
        jobs.runner.wake()
        return pb.DeleteJobResponse(pictures=deleted)

    async def ListJobPictures(self, request: pb.ListJobPicturesRequest, context: Context) -> pb.ListJobPicturesResponse:  # noqa: N802
        """Which pictures there are."""
        jobs, reader = self._jobs(), self.submitter.reader()
        after = job_message.read_pictures_token(reader.at("page_token"), request.page_token)
        state = reader.at("state").choice(request.state, _STATES, pb.JobPictureState)
        kinds = reader.at("kind").choice(request.kind, job_message.KINDS, pb.JobPictureKind)
        reader.raise_any()
        wanted: dict[str, object] = {
            name: getattr(request, name) for name in ("model", "tap", "unit", "method", "seed") if request.HasField(name)
        }
        wanted |= {"state": state[0]} if state else {}
        if "seed" in wanted:  # of the others it is the rank
            kinds = tuple(kind for kind in kinds or job_message.SYNTHESES if kind in job_message.SYNTHESES)
        wanted |= {} if kinds is None else {"kind": kinds}
        id = self._id(request.job) if request.HasField("job") else None
        if any(isinstance(value, int) and value >= 2**63 for value in wanted.values()):  # nothing has such a number
            return pb.ListJobPicturesResponse()
        size = job_message.size(request.page_size)
        page = await _done(jobs.listing.page, id, wanted, state[1] if state else None, after, size)
        token = job_message.pictures_token(page.last) if page.more else ""
        pictures = [job_message.picture(row, page.now) for row in page.rows]
        return pb.ListJobPicturesResponse(pictures=pictures, next_page_token=token, total_size=page.total)

    async def GetJobPicture(self, request: pb.GetJobPictureRequest, context: Context) -> pb.GetJobPictureResponse:  # noqa: N802
        """A picture that is drawn."""
        jobs = self._jobs()
        if not _ADDRESS.fullmatch(request.id):
            raise _no_picture(request.id)
        row, kept = await _done(jobs.listing.picture, request.id)
        if row.state != PictureState.DONE:
            why = f"it has failed: {row.error}" if row.state == PictureState.FAILED else "it is not drawn yet: watch its job"
            raise FailedPrecondition([Unmet("id", why, Reason.NOT_DRAWN)])
        png = await _done(jobs.store.pictures.get, row.png)
        return job_message.whole_picture(row, kept, png)

    def _jobs(self) -> Jobs:
        if self.jobs is None:
            raise FailedPrecondition([Unmet("", _OFF, Reason.NO_JOBS)])
        self.submitter.reader()  # raises where the server is not ready
        return self.jobs

    def _id(self, id: str) -> str:
        if not _ID.fullmatch(id):
            raise _no_job(id)
        return id

    async def _moved(self, id: str, move: Callable[[Store, str], Status]) -> pb.Job:
        jobs = self._jobs()
        status = await _done(move, jobs.store, self._id(id))
        jobs.runner.wake()
        return await self._message(jobs, status)

    async def _message(self, jobs: Jobs, status: Status) -> pb.Job:
        if status.state is not JobState.RUNNING:
            return job_message.job(status)
        catalog = self.submitter.builder.catalog
        reasons = {job_drawing.obstacle(catalog, one.models) for one in await _done(jobs.store.settings, status.id)}
        return job_message.job(status, "; ".join(sorted(reasons - {""})[:4]))


@dataclass(eq=False)
class _Watch:
    """What one watcher of a job has been told."""

    jobs: Jobs
    id: str
    _told: set[int] = field(default_factory=set)
    _since_s: float = 0.0

    def begin(self, all_pictures: bool) -> None:
        """From the beginning, or from now on."""
        self.jobs.store.job(self.id)
        if not all_pictures:
            self._since_s = self.jobs.listing.now()
            self.look()

    def look(self) -> tuple[Status, Sequence[Any]]:
        """How far the job is, and the pictures that ended since the last look."""
        status = self.jobs.store.job(self.id)  # first: what it counts is among the pictures then
        rows = self.jobs.listing.finished(self.id, self._since_s - _LATE_S)
        fresh = [row for row in rows if row.id not in self._told]
        self._told.update(row.id for row in fresh)
        self._since_s = max([self._since_s, *(row.finished_s for row in fresh)])
        return status, fresh


def _parted(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many at a time as a message has; once none where there are none."""
    for start in range(0, max(1, len(rows)), _MOST_TOLD):
        yield rows[start : start + _MOST_TOLD]


def _differs(told: pb.Job | None, message: pb.Job) -> bool:
    """Whether there is something to tell: rate and remaining time change all the time."""
    facts = ("state", "done", "failed", "running", "obstacle")
    return told is None or any(getattr(told, name) != getattr(message, name) for name in facts)


async def _done(call: Callable[..., T], *arguments: Any) -> T:
    """What `call` gives, beside the event loop; what the store raises becomes what callers may see."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except UnknownJob as error:
        raise _no_job(str(error)) from error
    except UnknownPicture as error:
        raise _no_picture(str(error)) from error
    except NoRoom as error:
        raise FailedPrecondition([Unmet("", str(error), Reason.JOB_LIMIT)]) from error
    except StoreError as error:
        raise JobStoreDown(str(error)) from error


def _no_job(id: str) -> NotFound:
    return NotFound([Missing("id", f"there is no job {quoted(id)}: see ListJobs", "job", id[:64])])


def _no_picture(id: str) -> NotFound:
    return NotFound([Missing("id", f"there is no picture {quoted(id)}: see ListJobPictures", "picture", id[:64])])
