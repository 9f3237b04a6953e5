"""`dgnam atlas`: submit a job, watch it, and write what it draws as a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .._client import Client
from .._errors import InvalidRequestError
from .._job import Job
from . import addresses, tunables
from .atlas_folder import AtlasFolder
from .job_bar import JobBar
from .parser import Arguments
from .printing import DONE, FAILED, INTERRUPTED, complain


def run(client: Client, arguments: Arguments) -> int:
    """Submit the job, or find it again, and write its pictures as they come."""
    targets = list(_targets(arguments))
    folder = AtlasFolder(_folder(arguments, targets))
    templates = _templates(client, arguments)
    beside = {"exemplars": _exemplars(arguments), "occlusion": arguments.occlusion}
    job = client.submit_job(targets, seeds=arguments.seeds, templates=templates, title=arguments.title, timeout=arguments.timeout, **beside)
    told = f"job {job.id}: {job.state.pictures} pictures, {job.state.title}"
    print(told + (f" ({job.state.done} of them are drawn already)" if job.state.done else ""))
    if arguments.detach:
        print(f"watch it with: dgnam jobs {job.id} --watch")
        return DONE
    return written(job, folder, quiet=arguments.quiet)


def written(job: Job, folder: AtlasFolder, *, quiet: bool) -> int:
    """Watch a job and write its pictures until it is over; Ctrl-C leaves it to the server."""
    try:
        with JobBar(job.state, quiet=quiet) as bar:
            for news in job.watch(all_pictures=True):
                bar.show(news.state)
                for picture in news.pictures:
                    folder.take(job, picture)
        folder.finish(job)
    except KeyboardInterrupt:
        complain(f"stopped watching: job {job.id} goes on. The same command, or `dgnam jobs {job.id} -o {folder.path}`, fetches the rest;")
        complain(f"`dgnam jobs {job.id} --cancel` gives it up")
        return INTERRUPTED
    return told(job, folder)


def told(job: Job, folder: AtlasFolder) -> int:
    """Say what became of the job; the exit code."""
    print(folder.path / "index.html")
    for error, count in folder.errors.most_common(5):
        complain(f"{count} {'picture' if count == 1 else 'pictures'} could not be drawn: {error}")
    if job.state.failed:
        complain(f"{job.state.failed} of {job.state.pictures} pictures failed; the same command tries them again")
    if job.state.phase == "cancelled":
        complain("the job was cancelled: the same command goes on with it")
    return FAILED if job.state.failed or job.state.phase == "cancelled" else DONE


def _targets(arguments: Arguments) -> Iterator[str]:
    """The targets; of those that are models, the taps."""
    whole = [text for text in addresses.expand(arguments.targets) if ":" not in text]
    if arguments.taps and not whole:
        raise InvalidRequestError("--taps goes with targets that are models, such as alexnet64")
    for text in addresses.expand(arguments.targets):
        yield from [f"{text}:{tap}" for tap in arguments.taps] if ":" not in text and arguments.taps else [text]


def _folder(arguments: Arguments, targets: Sequence[str]) -> Path:
    path = Path(arguments.output or f"atlas-{targets[0].partition(':')[0]}")
    if path.exists() and not path.is_dir():
        raise InvalidRequestError(f"-o {path}: it is a file, and an atlas is a folder")
    return path


def _exemplars(arguments: Arguments) -> dict[str, Any] | None:
    """What is shown beside the pictures, as the keywords of `Client.exemplars`; None: nothing is."""
    asked = {name: getattr(arguments, name) for name in ("index", "projections", "no_projections", "occlusion")}
    given = [tunables.flag(name) for name, value in asked.items() if value]
    if arguments.exemplars is None and not given:
        return None
    if arguments.exemplars is None and arguments.occlusion is None:
        raise InvalidRequestError(f"{', '.join(given)}: of what? Add --exemplars")
    if arguments.projections and arguments.no_projections:
        raise InvalidRequestError("--projections and --no-projections exclude each other")
    count = arguments.exemplars if arguments.exemplars is not None else arguments.occlusion
    project = arguments.exemplars is not None and not arguments.no_projections
    return {"count": count, "index": arguments.index, "project": project, "method": arguments.projections}


def _templates(client: Client, arguments: Arguments) -> list[dict[str, Any]]:
    methods = client.methods(timeout=arguments.timeout)
    names = arguments.method or [methods.default_method]
    common = {name: getattr(arguments, name) for name in ("fit", "seed", "determinism")}
    common |= {"height": arguments.size, "width": arguments.size}
    found = []
    for name in names:
        method = tunables.find(methods, name)
        own = tunables.values(arguments.tuned, method, methods, arguments.fixed)
        prior = {} if method.pixels else {"prior": arguments.prior}
        found.append({"method": name if arguments.method else None, "pixels": method.pixels, **common, **prior, **own})
    return found
