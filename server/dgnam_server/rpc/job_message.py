"""Jobs and their pictures -> messages; page tokens."""

import base64
import binascii
import struct
from collections.abc import Mapping
from typing import Any

from dgnam_proto.v1 import jobs_pb2 as pb
from dgnam_proto.v1.synthesis_pb2 import Result

from dgnam_server.jobs.schema import PictureState
from dgnam_server.jobs.store import Status
from dgnam_server.rpc import job_analyses, space
from dgnam_server.rpc.fields import Reader

DEFAULT_SIZE, LARGEST_SIZE = 100, 1000
SYNTHESES = tuple(one.recipe for one in space.OF_REQUEST.values())
KINDS: Mapping[int, tuple[str, ...]] = {  # of the wire: the settings' kinds
    pb.JOB_PICTURE_KIND_SYNTHESIS: SYNTHESES,
    pb.JOB_PICTURE_KIND_EXEMPLAR: (job_analyses.EXEMPLAR,),
    pb.JOB_PICTURE_KIND_PROJECTION: (job_analyses.PROJECTION,),
    pb.JOB_PICTURE_KIND_OCCLUSION: (job_analyses.OCCLUSION,),
}
_JOBS_TOKEN, _PICTURES_TOKEN = struct.Struct("!d16s"), struct.Struct("!q")


def job(status: Status, obstacle: str = "") -> pb.Job:
    """A job; `obstacle`: why nothing of it is drawn here."""
    return pb.Job(
        id=status.id,
        title=status.title,
        state=pb.JobState.Name(status.state),
        pictures=status.pictures,
        done=status.done,
        failed=status.failed,
        running=status.running,
        found=status.found,
        pictures_per_s=status.rate,
        remaining_s=status.remaining_s,
        created_s=status.created_s,
        finished_s=status.finished_s,
        client=status.client,
        obstacle=obstacle,
    )


def picture(row: Any, now: float) -> pb.JobPicture:
    """A picture without its file; `now` by the database's clock."""
    drawn = row.kind in SYNTHESES
    return pb.JobPicture(
        id=row.address,
        state=_state(row, now),
        target=row.text,
        model=row.model,
        tap=row.tap,
        unit=row.unit,
        label=row.label,
        method=row.method,
        prior=row.prior,
        seed=row.seed if drawn else 0,
        rank=0 if drawn else row.seed,
        kind=pb.JobPictureKind.Name(next(number for number, kinds in KINDS.items() if row.kind in kinds)),
        activation=row.activation,
        percentile=row.percentile,
        ending=row.ending,
        error=row.error,
        finished_s=row.finished_s,
        height=row.height,
        width=row.width,
    )


def whole_picture(row: Any, kept: bytes, png: bytes) -> pb.GetJobPictureResponse:
    """A picture with its file, and what was kept of it."""
    if row.kind in SYNTHESES:
        found = pb.GetJobPictureResponse(result=Result.FromString(kept))
        found.result.png = png
    else:
        found = pb.GetJobPictureResponse.FromString(kept)
        match row.kind:
            case job_analyses.EXEMPLAR:
                found.exemplar.seen = png
            case job_analyses.PROJECTION:
                found.exemplar.projection.png = png
            case _:
                of_class = found.occlusion.recipe.occlude.places[-1].tap == row.tap
                setattr(found.occlusion, "probability_png" if of_class else "activation_png", png)
    found.picture.CopyFrom(picture(row, 0.0))
    return found


def size(asked: int) -> int:
    """How many a page has: 0 is the default, and one too large the largest (AIP-158)."""
    return min(asked, LARGEST_SIZE) or DEFAULT_SIZE


def jobs_token(last: Status) -> str:
    """Where the page after this job begins."""
    return base64.urlsafe_b64encode(_JOBS_TOKEN.pack(last.created_s, last.id.encode())).decode()


def read_jobs_token(reader: Reader, token: str) -> tuple[float, str] | None:
    """Of a page token of ListJobs the job that it follows."""
    fields = _unpacked(reader, token, _JOBS_TOKEN)
    return (fields[0], fields[1].decode("ascii", "replace")) if fields else None


def pictures_token(last: int) -> str:
    """Where the page after this place begins."""
    return base64.urlsafe_b64encode(_PICTURES_TOKEN.pack(last)).decode()


def read_pictures_token(reader: Reader, token: str) -> int:
    """Of a page token of ListJobPictures the place that it follows."""
    fields = _unpacked(reader, token, _PICTURES_TOKEN)
    return int(fields[0]) if fields else -1


def _state(row: Any, now: float) -> pb.JobPictureState:
    if row.state == PictureState.OPEN:
        return pb.JOB_PICTURE_STATE_RUNNING if row.lease_s > now else pb.JOB_PICTURE_STATE_WAITING
    return pb.JOB_PICTURE_STATE_DONE if row.state == PictureState.DONE else pb.JOB_PICTURE_STATE_FAILED


def _unpacked(reader: Reader, token: str, form: struct.Struct) -> tuple[Any, ...]:
    """The token's fields; empty: there is none, or it is wrong, as the reader is told."""
    if not token:
        return ()
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != form.size:
        reader.invalid("not a token of this call: send the next_page_token of the page before, with the same request")
        return ()
    return form.unpack(data)
