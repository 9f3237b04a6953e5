"""Who draws which picture. A server claims pictures with a lease and renews it while it works on them; of one that was killed the leases
run out, and another takes its pictures. So servers that share a store share its work, and need to know nothing of each other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from dgnam_server.jobs.database import Database, chunks
from dgnam_server.jobs.pictures import Pictures
from dgnam_server.jobs.schema import JobState, PictureState, job, job_setting, membership, picture, setting
from dgnam_server.jobs.store import end, models_of

MOST_ATTEMPTS = 5  # a picture that ends its server each time would end it for ever


@dataclass(frozen=True)
class Claim:
    """A picture that is ours to draw; `attempt` from 1."""

    id: int
    address: str
    kind: str
    request: bytes
    target: bytes
    seed: int
    text: str
    attempt: int


@dataclass(frozen=True)
class Drawn:
    """A picture that was drawn; `result` is the wire's Result without the file."""

    id: int
    png: bytes
    result: bytes
    activation: float
    percentile: float | None
    ending: int


@dataclass(frozen=True)
class Failed:
    """A picture that cannot be drawn."""

    id: int
    error: str


class Claims:
    """One server's claims on pictures of a database. Any thread may call it.

    Args:
        owner: the server's name among all that share the database.
        lease_s: how long a claim lasts unless it is renewed.
    """

    def __init__(self, database: Database, pictures: Pictures, owner: str, lease_s: float) -> None:
        self._database, self._pictures, self._owner, self.lease_s = database, pictures, owner, lease_s

    def models(self) -> dict[str, dict[str, str]]:
        """The models, with digests, that pictures of running jobs need, by their settings."""
        if not self._database.exists:
            return {}
        query = select(setting.c.digest, setting.c.models).distinct().select_from(setting).join(job_setting).join(job)
        query = query.where(job.c.state == JobState.RUNNING)
        with self._database.reading() as connection:
            return {digest: models_of(models) for digest, models in connection.execute(query)}

    def take(self, most: int, settings: Collection[str]) -> list[Claim]:
        """Claim open pictures of these settings, of all running jobs about as many, each job's in its order."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            running = list(connection.execute(select(job.c.id).where(job.c.state == JobState.RUNNING).order_by(job.c.created_s)).scalars())
            found: list[int] = []
            for number, id in enumerate(running):
                part = -(-(most - len(found)) // (len(running) - number))
                found += self._open(connection, id, settings, now, part, found)
            if len(found) < most and len(running) > 1:  # what some jobs leave is for the others
                for id in running:
                    found += self._open(connection, id, settings, now, most - len(found), found)
            mine = {"owner": self._owner, "lease_s": now + self.lease_s, "attempts": picture.c.attempts + 1}
            connection.execute(update(picture).where(picture.c.id.in_(found)).values(**mine))
            facts = (picture.c.id, picture.c.address, setting.c.kind, setting.c.request, picture.c.target, picture.c.seed)
            query = select(*facts, picture.c.text, picture.c.attempts).select_from(picture).join(setting).where(picture.c.id.in_(found))
            claims = {row[0]: Claim(*row) for row in connection.execute(query)}
        return [claims[id] for id in dict.fromkeys(found)]

    def renew(self, ids: Sequence[int]) -> set[int]:
        """Keep what is claimed; returns those that are still ours and still wanted."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            ours = picture.c.id.in_(ids) & (picture.c.owner == self._owner) & (picture.c.state == PictureState.OPEN)
            connection.execute(update(picture).where(ours).values(lease_s=now + self.lease_s))
            wanting = (membership.c.picture == picture.c.id) & (job.c.state == JobState.RUNNING)
            running = select(job.c.id).select_from(job).join(membership).where(wanting)
            return set(connection.execute(select(picture.c.id).where(ours & running.exists())).scalars())

    def give_back(self, ids: Collection[int], *, counted: bool = False) -> None:
        """Let others have what is claimed; `counted`: it was an attempt."""
        with self._database.writing() as connection:
            ours = picture.c.id.in_(ids) & (picture.c.owner == self._owner) & (picture.c.state == PictureState.OPEN)
            values = {"owner": "", "lease_s": 0.0, "attempts": picture.c.attempts - int(not counted)}
            connection.execute(update(picture).where(ours).values(**values))

    def finish(self, outcomes: Sequence[Drawn | Failed]) -> None:
        """Keep what became of pictures. Of one that another server has drawn meanwhile, the first counts."""
        names = {one.id: self._pictures.put(one.png) for one in outcomes if isinstance(one, Drawn)}
        with self._database.writing() as connection:
            self._database.guard(connection, files_go=False)
            now = self._database.now(connection)
            done = [one.id for one in sorted(outcomes, key=lambda one: one.id) if self._kept(connection, one, names.get(one.id), now)]
            for one in outcomes:
                if isinstance(one, Drawn) and one.id in done:
                    self._pictures.put(one.png)  # while we were not looking, a job with the same file may have been deleted
            self._count(connection, done, {one.id for one in outcomes if isinstance(one, Failed)}, now)

    def _open(self, connection: Connection, id: str, settings: Collection[str], now: float, most: int, but: Collection[int]) -> list[int]:
        free = (membership.c.job == id) & (picture.c.state == PictureState.OPEN) & (picture.c.lease_s < now)
        query = select(picture.c.id, picture.c.attempts).join(membership, membership.c.picture == picture.c.id)
        query = query.where(free & picture.c.setting.in_(settings) & picture.c.id.not_in(but)).order_by(membership.c.place).limit(most)
        rows = connection.execute(query.with_for_update(of=picture, skip_locked=True)).all() if most > 0 else []
        spent = [number for number, attempts in rows if attempts >= MOST_ATTEMPTS]
        why = f"it was begun {MOST_ATTEMPTS} times, and its server ended each time before it was drawn"
        kept = [number for number in spent if self._kept(connection, Failed(number, why), None, now)]
        self._count(connection, kept, set(kept), now)
        return [number for number, attempts in rows if attempts < MOST_ATTEMPTS]

    def _kept(self, connection: Connection, one: Drawn | Failed, name: str | None, now: float) -> bool:
        values: dict[str, object] = {"owner": "", "lease_s": 0.0, "finished_s": now}
        if isinstance(one, Drawn):
            values |= {"state": PictureState.DONE, "png": name, "png_bytes": len(one.png), "result": one.result, "error": ""}
            values |= {"activation": one.activation, "percentile": one.percentile, "ending": one.ending}
        else:
            values |= {"state": PictureState.FAILED, "error": one.error}
        open_ = (picture.c.id == one.id) & (picture.c.state == PictureState.OPEN)
        return bool(connection.execute(update(picture).where(open_).values(**values)).rowcount)

    def _count(self, connection: Connection, ids: Sequence[int], failed: Collection[int], now: float) -> None:
        """Add pictures that are now done, or `failed`, to the counts of their jobs."""
        jobs: set[str] = set()
        for column, some in ((job.c.done, [id for id in ids if id not in failed]), (job.c.failed, [id for id in ids if id in failed])):
            for part in chunks(some):
                counts = select(membership.c.job, func.count()).where(membership.c.picture.in_(part)).group_by(membership.c.job)
                # In one order, lest two servers wait for each other.
                for id, count in sorted(tuple(row) for row in connection.execute(counts)):
                    connection.execute(update(job).where(job.c.id == id).values({column: column + count}))
                    jobs.add(id)
        end(connection, sorted(jobs), now)
