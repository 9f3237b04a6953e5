"""Jobs: arguments -> requests, and answers -> jobs and their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from dgnam_proto.v1 import jobs_pb2, synthesis_pb2

from .._errors import InvalidAddressError, ProtocolError
from .._job_state import JobNews, JobPhase, JobPicture, JobPicturePage, JobState, PicturePhase
from .._result import Result
from .._target import TargetLike, target_message
from . import results
from .fields import choice, refusal, set_field
from .requests import CODE, PIXELS, drawing_request

_PAGE = 1000
_ANY = "any:any:0"  # a target in place of those of the job


def submit_request(
    targets: TargetLike | Iterable[TargetLike], templates: Sequence[Mapping[str, Any]], seeds: int, title: str | None
) -> jobs_pb2.SubmitJobRequest:
    """The request for a job.

    Args:
        targets: Networks, taps, units, or several units for one picture.
        templates: For each its method and options, `pixels` among them.

    Raises:
        InvalidAddressError: A target is none.
        InvalidRequestError: A value of the wrong type.
    """
    several: list[Any] = [targets] if isinstance(targets, str | Mapping) or not isinstance(targets, Iterable) else list(targets)
    if not several:
        raise InvalidAddressError("there is nothing to draw", advice="Name a network, a tap or a unit, such as alexnet64:conv3.")
    request = jobs_pb2.SubmitJobRequest(templates=[_template(one, seeds) for one in templates])
    request.targets.extend(map(_target, several))
    if title is not None:
        set_field(request, "title", title)
    return request


def list_request(page_token: str) -> jobs_pb2.ListJobsRequest:
    """The request for a page of jobs."""
    return jobs_pb2.ListJobsRequest(page_size=_PAGE, page_token=page_token)


def named(kind: str, id: str) -> Any:
    """A request of this kind, which names one job or picture."""
    request = getattr(jobs_pb2, kind)()
    set_field(request, "id", id)
    return request


def watch_request(id: str, all_pictures: bool) -> jobs_pb2.WatchJobRequest:
    """The request to be told of a job."""
    return jobs_pb2.WatchJobRequest(id=id, all_pictures=all_pictures)


def pictures_request(
    job: str | None, filters: Mapping[str, Any], page_token: str, page_size: int = _PAGE
) -> jobs_pb2.ListJobPicturesRequest:
    """The request for a page of pictures.

    Raises:
        InvalidRequestError: A filter's value has the wrong type.
    """
    request = jobs_pb2.ListJobPicturesRequest()
    for name, value in {"job": job, **filters, "page_token": page_token, "page_size": page_size}.items():
        if value is None:
            continue
        if name == "phase":
            request.state = choice("JOB_PICTURE_STATE", value, get_args(PicturePhase)[:-1], field="phase")  # type: ignore[assignment]
        else:
            set_field(request, name, value)
    return request


def state(message: jobs_pb2.Job) -> JobState:
    """A job's state."""
    return JobState(
        id=message.id,
        title=message.title,
        phase=_phase(jobs_pb2.JobState, "JOB_STATE_", message.state, get_args(JobPhase)),
        pictures=message.pictures,
        done=message.done,
        failed=message.failed,
        running=message.running,
        found=message.found,
        pictures_per_s=_set(message, "pictures_per_s"),
        remaining_s=_set(message, "remaining_s"),
        created_s=message.created_s,
        finished_s=_set(message, "finished_s"),
        client=message.client,
        obstacle=message.obstacle,
    )


def picture(message: jobs_pb2.JobPicture) -> JobPicture:
    """A picture without its file."""
    ending = synthesis_pb2.Ending.Name(message.ending) if message.ending in synthesis_pb2.Ending.values() else ""
    return JobPicture(
        id=message.id,
        phase=_phase(jobs_pb2.JobPictureState, "JOB_PICTURE_STATE_", message.state, get_args(PicturePhase)),
        target=message.target,
        model=message.model,
        tap=message.tap,
        unit=message.unit,
        label=message.label,
        method=message.method,
        prior=message.prior,
        seed=message.seed,
        activation=_set(message, "activation"),
        percentile=_set(message, "percentile"),
        ending=ending.removeprefix("ENDING_").lower().replace("_", "-").replace("unspecified", ""),
        error=message.error,
        finished_s=_set(message, "finished_s"),
        height=message.height,
        width=message.width,
    )


def page(response: jobs_pb2.ListJobPicturesResponse) -> JobPicturePage:
    """A page of pictures."""
    return JobPicturePage(tuple(map(picture, response.pictures)), response.total_size, response.next_page_token)


def places(request: jobs_pb2.SubmitJobRequest) -> tuple[str, ...]:
    """The networks and taps that a job was submitted for."""
    found = dict[str, None]()
    for target in request.targets:
        if target.HasField("units"):
            found[f"{target.units.model}:{target.units.tap}".removesuffix(":")] = None
        elif target.target.terms:
            unit = target.target.terms[0].unit
            found[f"{unit.model}:{unit.tap}"] = None
    return tuple(found)


def news(response: jobs_pb2.WatchJobResponse) -> JobNews:
    """What is new of a job."""
    return JobNews(state(response.job), tuple(map(picture, response.pictures)))


def result(response: jobs_pb2.GetJobPictureResponse) -> Result:
    """A picture that is drawn.

    Raises:
        ProtocolError: The answer holds none.
    """
    if not response.result.png:
        raise ProtocolError("the server sent no picture")
    return results.result(response.result)


def _target(target: TargetLike) -> jobs_pb2.JobTarget:
    """A network, `model`, a tap, `model:tap`, or what `synthesize` takes."""
    if isinstance(target, str) and "+" not in target and target.count(":") < 2:
        model, colon, tap = (part.strip() for part in target.partition(":"))
        if not model or (colon and not tap):
            raise InvalidAddressError(f"{target!r} is not a network, a tap or a unit", advice="Write model, model:tap or model:tap:unit.")
        return jobs_pb2.JobTarget(units=jobs_pb2.JobUnits(model=model, tap=tap or None))
    return jobs_pb2.JobTarget(target=target_message(target))


def _template(options: Mapping[str, Any], seeds: int) -> jobs_pb2.JobTemplate:
    given = dict(options)
    for name in ("balance", "readout"):
        if given.get(name) is not None:
            raise refusal(name, "targets of a job say it: it goes with no template")
    space = PIXELS if given.pop("pixels", False) else CODE
    request = drawing_request(space, _ANY, {"variants": seeds, **given})
    request.ClearField("target")
    field = "synthesize_pixels" if space is PIXELS else "synthesize"
    return jobs_pb2.JobTemplate(**{field: request})  # type: ignore[arg-type]


def _phase(enum: Any, prefix: str, number: int, known: Sequence[str]) -> Any:
    name = enum.Name(number).removeprefix(prefix).lower() if number in enum.values() else "unknown"
    return name if name in known else "unknown"


def _set(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None
