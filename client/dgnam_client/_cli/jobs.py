"""`dgnam jobs`."""

from __future__ import annotations

import time
from pathlib import Path

from .._client import Client
from .._duration import duration
from .._errors import InvalidRequestError, NotFoundError
from .._job import Job
from .._job_state import JobState
from . import atlas
from .atlas_folder import AtlasFolder
from .job_bar import JobBar, described
from .parser import Arguments
from .printing import DONE, FAILED, INTERRUPTED, complain, print_json, print_table

_MOVES = ("pause", "resume", "cancel")


def run(client: Client, arguments: Arguments) -> int:
    """List the jobs; or tell about one, watch it, write it to a folder, or move it."""
    every = client.jobs(timeout=arguments.timeout)
    if arguments.id is None:
        if arguments.output or arguments.watch or arguments.delete or any(getattr(arguments, name) for name in _MOVES):
            raise InvalidRequestError("this is of one job: name it")
        return print_json(every) if arguments.json else _table(every)
    job = client.job(_known(arguments.id, every), timeout=arguments.timeout)
    if arguments.delete:
        print(f"{job.delete()} pictures are gone with job {job.id}")
        return DONE
    if arguments.output is not None:
        return _write(job, arguments)
    for name in _MOVES:
        if getattr(arguments, name):
            getattr(job, name)()
    if arguments.watch:
        return _watch(job, quiet=arguments.quiet)
    return print_json(job.state) if arguments.json else _about(job.state)


def _known(text: str, every: list[JobState]) -> str:
    """The id of the one job that begins so."""
    found = [one.id for one in every if one.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidRequestError(f"{len(found)} jobs begin with {text}: {', '.join(found[:5])}")
    raise NotFoundError(f"there is no job {text!r}; there are {', '.join(one.id for one in every[:5]) or 'none'}")


def _watch(job: Job, *, quiet: bool) -> int:
    try:
        with JobBar(job.state, quiet=quiet) as bar:
            for news in job.watch():
                bar.show(news.state)
    except KeyboardInterrupt:
        complain(f"stopped watching: job {job.id} goes on")
        return INTERRUPTED
    _about(job.state)
    return FAILED if job.state.failed or job.state.phase == "cancelled" else DONE


def _write(job: Job, arguments: Arguments) -> int:
    """Write what is drawn by now."""
    folder = AtlasFolder(Path(arguments.output))
    folder.finish(job)
    return atlas.told(job, folder)


def _table(every: list[JobState]) -> int:
    head = ("JOB", "STATE", "PICTURES", "", "AGE", "TITLE")
    rows = [
        (one.id, one.phase, f"{one.done}/{one.pictures}", _left(one), duration(time.time() - one.created_s), one.title) for one in every
    ]
    return print_table(head, rows)


def _left(state: JobState) -> str:
    failed = f"{state.failed} failed" if state.failed else ""
    left = f"{duration(state.remaining_s)} left" if state.remaining_s is not None else ""
    return ", ".join(filter(None, (failed, left)))


def _about(state: JobState) -> int:
    facts = [
        ("job", state.id),
        ("title", state.title),
        ("state", described(state) if state.phase != "running" else ", ".join(filter(None, ("running", described(state))))),
        ("pictures", f"{state.done} of {state.pictures}, {state.running} in hand" + (f", {state.found} found" if state.found else "")),
        ("client", state.client),
    ]
    facts += [("obstacle", state.obstacle)] if state.obstacle else []
    return print_table((), facts)
