"""Jobs: arguments -> requests, and answers -> jobs and their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from dgnam_proto.v1 import jobs_pb2, synthesis_pb2

from .._analysis_recipe import AnalysisRecipe
from .._errors import InvalidAddressError, ProtocolError
from .._job_analysis import JobAnalysis
from .._job_state import JobNews, JobPhase, JobPicture, JobPicturePage, JobState, PictureKind, PicturePhase
from .._receptive_field import Box
from .._result import Result
from .._target import TargetLike, target_message
from . import analyses, results
from .fields import choice, refusal, set_field
from .requests import CODE, PIXELS, drawing_request

Beside = int | Mapping[str, Any] | None  # how many, or the keywords of the call
_PAGE = 1000
_ANY = "any:any:0"  # a target in place of those of the job


def submit_request(
    targets: TargetLike | Iterable[TargetLike],
    templates: Sequence[Mapping[str, Any]],
    seeds: int,
    title: str | None,
    beside: Mapping[str, Beside] = MappingProxyType({}),
) -> jobs_pb2.SubmitJobRequest:
    """The request for a job.

    Args:
        targets: Networks, taps, units, or several units for one picture.
        templates: For each its method and options, `pixels` among them.
        beside: `exemplars` and `occlusion`: how many, or the keywords of the calls of these names; None for neither.

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
    _analyse(request, beside.get("exemplars"), beside.get("occlusion"))
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
        elif name == "kind":
            request.kind = choice("JOB_PICTURE_KIND", value, get_args(PictureKind)[:-1], field="kind")  # type: ignore[assignment]
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
        kind=_phase(jobs_pb2.JobPictureKind, "JOB_PICTURE_KIND_", message.kind, get_args(PictureKind)) if message.kind else "synthesis",
        rank=message.rank,
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
        InvalidRequestError: It was not drawn, but shows something of a photograph.
        ProtocolError: The answer holds none.
    """
    if response.HasField("exemplar"):
        raise refusal("id", "it shows something of a photograph, and has no recipe that draws it: ask for it as a job's analysis")
    if not response.result.png:
        raise ProtocolError("the server sent no picture")
    return results.result(response.result)


def analysis(response: jobs_pb2.GetJobPictureResponse) -> JobAnalysis:
    """What shows something of a photograph.

    Raises:
        InvalidRequestError: It was drawn.
        ProtocolError: The answer holds none.
    """
    if response.HasField("result"):
        raise refusal("id", "it was drawn, and is no analysis: ask for it as a job's picture")
    kind, exemplar, of_map = picture(response.picture).kind, response.exemplar, None
    png, recipe = exemplar.seen, None
    if kind == "projection":
        png, recipe = exemplar.projection.png, exemplar.projection.recipe
    elif kind == "occlusion":
        covered = response.occlusion
        of_class = bool(covered.probability_png)
        png, recipe = covered.probability_png if of_class else covered.activation_png, covered.recipe
        of_map = analyses.array(covered.probability_map if of_class else covered.activation_map, "map")
    if not png:
        raise ProtocolError("the server sent no picture")
    box, at = exemplar.box, exemplar.position
    return JobAnalysis(
        sent={"png": png},
        kind=kind,
        unit=exemplar.unit,
        label=exemplar.label,
        rank=exemplar.rank,
        photograph=exemplar.photograph,
        folder=exemplar.folder,
        activation=exemplar.activation,
        position=(at.y, at.x) if exemplar.HasField("position") else None,
        box=Box(box.top, box.left, box.bottom, box.right),
        index=exemplar.index,
        photographs=exemplar.photographs,
        recipe=None if recipe is None else AnalysisRecipe(recipe),
        map=of_map,
    )


def _analyse(request: jobs_pb2.SubmitJobRequest, exemplars: Beside, occlusion: Beside) -> None:
    """Say what is shown beside the pictures; an occlusion needs photographs, so it brings as many as it is made of."""
    if occlusion is not None:
        covering = {"count": occlusion} if isinstance(occlusion, int) else dict(occlusion)
        exemplars = {"count": covering.get("count"), "project": False} if exemplars is None else exemplars
        if (count := covering.pop("count", None)) is not None:
            set_field(request.analyses, "occluded", count)
        request.analyses.occlusion.SetInParent()
        analyses.fill(request.analyses.occlusion, covering, {})
    if exemplars is not None:
        showing = {"count": exemplars} if isinstance(exemplars, int) else dict(exemplars)
        own = {name: showing.pop(name) for name in list(showing) if name in analyses.EXEMPLARS}
        request.analyses.exemplars.SetInParent()
        analyses.fill(request.analyses.exemplars, own, showing)


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
