"""The jobs that are kept: begun, gone on with, paused, cancelled, deleted. What is committed survives a kill of the process."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from dgnam_server.jobs.database import Database, chunks
from dgnam_server.jobs.pictures import Pictures
from dgnam_server.jobs.plan import Plan, Setting
from dgnam_server.jobs.schema import JobState, PictureState, job, job_setting, membership, picture, setting

RATE_S = 300.0  # pictures per second are those of the last five minutes
_COLUMNS = [column for column in job.c if column.name != "request"]


@dataclass(frozen=True)
class Limits:
    """What may be kept; `bytes` of pictures' files."""

    jobs: int
    client_jobs: int
    bytes: int


@dataclass(frozen=True)
class Status:
    """How far a job is; times in seconds since 1970.

    Attributes:
        found: pictures that were there when it was begun.
        rate: pictures per second of late, by all servers; None: nothing can be said.
    """

    id: str
    title: str
    client: str
    state: JobState
    pictures: int
    done: int
    failed: int
    running: int
    found: int
    created_s: float
    finished_s: float | None
    rate: float | None

    @property
    def remaining_s(self) -> float | None:
        """Seconds until all are drawn, at the rate of late; None: nothing can be said, or nothing is being drawn."""
        left = self.pictures - self.done - self.failed
        return left / self.rate if self.rate and self.state is JobState.RUNNING else None

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it unless somebody resumes it."""
        return self.state in (JobState.DONE, JobState.CANCELLED)


class UnknownJob(Exception):
    """There is no job of this id."""


class NoRoom(Exception):
    """No more jobs may be kept; the message says why and what to do."""


class Store:
    """The jobs of one database. Any thread may call it; every call is one transaction.

    All calls raise StoreError where the database cannot be used, and UnknownJob where the job is not there.
    """

    def __init__(self, database: Database, pictures: Pictures, limits: Limits) -> None:
        self.database, self.pictures = database, pictures
        self._limits = limits

    def submit(self, plan: Plan) -> tuple[Status, bool]:
        """Begin a job, or go on with it; returns it, and whether it was there.

        Raises:
            NoRoom: there may be no more jobs.
        """
        with self.database.writing() as connection:
            known = connection.execute(select(job.c.id).where(job.c.id == plan.id)).first() is not None
            if not known:
                self._check_room(connection, plan.client)
                known = not self._insert(connection, plan)
            self._resume(connection, plan.id)
            return self._status(connection, plan.id), known

    def job(self, id: str) -> Status:
        """How far a job is."""
        with self.database.reading() as connection:
            return self._status(connection, id)

    def request(self, id: str) -> bytes:
        """A job's request as it was submitted."""
        with self.database.reading() as connection:
            found = connection.execute(select(job.c.request).where(job.c.id == id)).scalar()
        if found is None:
            raise UnknownJob(id)
        return bytes(found)

    def jobs(self, before: tuple[float, str] | None, most: int) -> list[Status]:
        """Jobs, the newest first, that are older than the one of this time and id; None: from the newest on."""
        if not self.database.exists:
            return []
        query = select(job.c.id).order_by(job.c.created_s.desc(), job.c.id.desc()).limit(most)
        if before is not None:
            created_s, id = before
            query = query.where((job.c.created_s < created_s) | ((job.c.created_s == created_s) & (job.c.id < id)))
        with self.database.reading() as connection:
            return [self._status(connection, id) for id in connection.execute(query).scalars()]

    def pause(self, id: str) -> Status:
        """Draw no more of a job that is running."""
        return self._moved(id, JobState.PAUSED, {JobState.RUNNING})

    def cancel(self, id: str) -> Status:
        """Give up what is not drawn of a job that is not done."""
        return self._moved(id, JobState.CANCELLED, {JobState.RUNNING, JobState.PAUSED})

    def resume(self, id: str) -> Status:
        """Go on with a job, and try again what failed."""
        with self.database.writing() as connection:
            self._status(connection, id)
            self._resume(connection, id)
            return self._status(connection, id)

    def delete(self, id: str) -> int:
        """Forget a job and the pictures that are of no other; returns how many those are."""
        other = membership.alias()
        shared = select(other.c.job).where((other.c.picture == membership.c.picture) & (other.c.job != id)).exists()
        own = select(membership.c.picture).where((membership.c.job == id) & ~shared)
        with self.database.writing() as connection:
            self._status(connection, id)
            self.database.guard(connection, files_go=True)
            pictures = list(connection.execute(own).scalars())
            for table in (membership, job_setting):
                connection.execute(delete(table).where(table.c.job == id))
            connection.execute(delete(job).where(job.c.id == id))
            names: set[str] = set()
            for some in chunks(pictures):
                named = select(picture.c.png).where(picture.c.id.in_(some) & picture.c.png.is_not(None))
                names.update(connection.execute(named).scalars())
                connection.execute(delete(picture).where(picture.c.id.in_(some)))
            unused = select(setting.c.digest).where(~select(picture.c.id).where(picture.c.setting == setting.c.digest).exists())
            unused = unused.where(~select(job_setting.c.job).where(job_setting.c.setting == setting.c.digest).exists())
            connection.execute(delete(setting).where(setting.c.digest.in_(unused)))
            for some in chunks(sorted(names)):
                names.difference_update(connection.execute(select(picture.c.png).where(picture.c.png.in_(some))).scalars())
            for name in names:
                self.pictures.delete(name)
        return len(pictures)

    def settings(self, id: str) -> list[Setting]:
        """What a job's pictures have in common, without their requests."""
        query = select(setting.c.kind, setting.c.models).select_from(setting).join(job_setting).where(job_setting.c.job == id)
        with self.database.reading() as connection:
            return [Setting(kind, b"", models_of(models)) for kind, models in connection.execute(query)]

    def _check_room(self, connection: Connection, client: str) -> None:
        limits = self._limits
        kept = connection.execute(select(func.count()).select_from(job)).scalar_one()
        if kept >= limits.jobs:
            raise NoRoom(f"the server keeps {kept} jobs, as many as it may (its setting max_jobs): delete one")
        running = (job.c.client == client) & job.c.state.in_((JobState.RUNNING, JobState.PAUSED))
        own = connection.execute(select(func.count()).select_from(job).where(running)).scalar_one()
        if own >= limits.client_jobs:
            why = f"{own} jobs of yours are not over, as many as one client may have (the server's setting max_client_jobs)"
            raise NoRoom(f"{why}: wait for one, or cancel one")
        held = connection.execute(select(func.coalesce(func.sum(picture.c.png_bytes), 0))).scalar_one()
        if held >= limits.bytes:
            taken = f"pictures of jobs take {held / 2**20:.0f} MiB, as much as they may (the server's setting max_job_mib)"
            raise NoRoom(f"{taken}: delete a job")

    def _insert(self, connection: Connection, plan: Plan) -> bool:
        """Insert a job; False where another server was quicker."""
        now = self.database.now(connection)
        row = {"id": plan.id, "title": plan.title, "request": plan.request, "client": plan.client, "state": JobState.RUNNING}
        row |= {"pictures": len(plan.distinct), "done": 0, "failed": 0, "found": 0, "created_s": now, "resumed_s": now}
        if not self.database.added(connection, job, row):
            return False
        settings = {one.setting.digest: one.setting for one in plan.distinct.values()}
        rows = [_setting_row(one) for one in settings.values()]
        self.database.add(connection, setting, rows)
        self.database.add(connection, job_setting, [{"job": plan.id, "setting": digest} for digest in settings])
        place = 0
        for addresses in chunks(list(plan.distinct)):
            self.database.add(connection, picture, [_picture_row(plan, address) for address in addresses])
            found = select(picture.c.address, picture.c.id).where(picture.c.address.in_(addresses))
            ids = {row.address: row.id for row in connection.execute(found)}
            members = [{"job": plan.id, "place": place + index, "picture": ids[address]} for index, address in enumerate(addresses)]
            self.database.add(connection, membership, members)
            place += len(addresses)
        recount(connection, [plan.id], now)
        connection.execute(update(job).where(job.c.id == plan.id).values(found=job.c.done))
        return True

    def _resume(self, connection: Connection, id: str) -> None:
        now = self.database.now(connection)
        failed = select(membership.c.picture).select_from(membership).join(picture, picture.c.id == membership.c.picture)
        failed = failed.where((membership.c.job == id) & (picture.c.state == PictureState.FAILED))
        again = list(connection.execute(failed).scalars())
        jobs = {id}
        for some in chunks(again):
            values = {"state": PictureState.OPEN, "attempts": 0, "error": "", "finished_s": None}
            connection.execute(update(picture).where(picture.c.id.in_(some)).values(**values))
            jobs.update(connection.execute(select(membership.c.job).distinct().where(membership.c.picture.in_(some))).scalars())
        stopped = job.c.state.in_((JobState.PAUSED, JobState.CANCELLED))
        begun = {"state": JobState.RUNNING, "resumed_s": now, "finished_s": None}
        connection.execute(update(job).where((job.c.id == id) & stopped).values(**begun))
        recount(connection, sorted(jobs), now)

    def _moved(self, id: str, state: JobState, before: Collection[JobState]) -> Status:
        with self.database.writing() as connection:
            finished_s = self.database.now(connection) if state is JobState.CANCELLED else None
            values = {"state": state, "finished_s": finished_s}
            connection.execute(update(job).where((job.c.id == id) & job.c.state.in_(before)).values(**values))
            return self._status(connection, id)

    def _status(self, connection: Connection, id: str) -> Status:
        row = connection.execute(select(*_COLUMNS).where(job.c.id == id)).mappings().first()
        if row is None:
            raise UnknownJob(id)
        now = self.database.now(connection)
        mine = select(func.count()).select_from(membership).join(picture, picture.c.id == membership.c.picture)
        mine = mine.where(membership.c.job == id)
        running = connection.execute(mine.where((picture.c.lease_s > now) & (picture.c.state == PictureState.OPEN))).scalar_one()
        since = max(now - RATE_S, row["resumed_s"])
        late = connection.execute(mine.where((picture.c.finished_s > since) & (picture.c.state == PictureState.DONE))).scalar_one()
        fields: dict[str, Any] = {name: value for name, value in row.items() if name != "resumed_s"}
        rate = late / (now - since) if late and now > since else None
        return Status(**{**fields, "state": JobState(row["state"])}, running=running, rate=rate)


def recount(connection: Connection, jobs: Sequence[str], now: float) -> None:
    """Count anew what is drawn of jobs, which are done where nothing is open, and run again where something is."""
    for id in jobs:
        members = membership.join(picture, picture.c.id == membership.c.picture)
        states = select(picture.c.state, func.count().label("many")).select_from(members)
        states = states.where(membership.c.job == id).group_by(picture.c.state)
        counts = {row.state: row.many for row in connection.execute(states)}
        done, failed = counts.get(PictureState.DONE, 0), counts.get(PictureState.FAILED, 0)
        connection.execute(update(job).where(job.c.id == id).values(done=done, failed=failed))
        again = (job.c.id == id) & (job.c.state == JobState.DONE) & (job.c.done + job.c.failed < job.c.pictures)
        connection.execute(update(job).where(again).values(state=JobState.RUNNING, resumed_s=now, finished_s=None))
    end(connection, jobs, now)


def end(connection: Connection, jobs: Sequence[str], now: float) -> None:
    """Those of the running jobs are done that have nothing open."""
    over = job.c.id.in_(jobs) & (job.c.state == JobState.RUNNING) & (job.c.done + job.c.failed >= job.c.pictures)
    connection.execute(update(job).where(over).values(state=JobState.DONE, finished_s=now))


def models_of(text: str) -> dict[str, str]:
    """A setting's models as they were kept."""
    return dict(json.loads(text))


def _setting_row(one: Setting) -> dict[str, Any]:
    return {"digest": one.digest, "kind": one.kind, "request": one.request, "models": one.models_text}


def _picture_row(plan: Plan, address: str) -> dict[str, Any]:
    one = plan.distinct[address]
    facts = ("target", "seed", "text", "model", "tap", "unit", "label", "method", "prior", "height", "width")
    fixed = {"state": PictureState.OPEN, "owner": "", "lease_s": 0.0, "attempts": 0, "error": "", "ending": 0, "png_bytes": 0}
    return {"address": address, "setting": one.setting.digest, **{name: getattr(one, name) for name in facts}, **fixed}
