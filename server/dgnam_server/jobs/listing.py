"""Which pictures there are, page by page, and each by its address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select

from dgnam_server.jobs.database import Database
from dgnam_server.jobs.schema import PictureState, job, membership, picture, setting
from dgnam_server.jobs.store import UnknownJob

_SHOWN = [*(column for column in picture.c if column.name not in ("target", "result", "setting")), setting.c.kind]
Shown = Row[Any]


class UnknownPicture(Exception):
    """There is no picture of this address."""


@dataclass(frozen=True)
class Page:
    """Pictures, of `total` that match; the next page begins after `last`, where there is `more`. `now` is the database's."""

    rows: Sequence[Shown]
    total: int
    last: int
    more: bool
    now: float


class Listing:
    """The pictures of a database. Any thread may call it. All calls raise StoreError where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, id: str | None, wanted: Mapping[str, object], running: bool | None, after: int, most: int) -> Page:
        """Pictures of a job, in its order, or of all.

        Args:
            wanted: values of the picture's columns, and of its setting's `kind`; of a tuple any will do.
            running: of open ones, those that a server has in hand, or those that none has; None: either.

        Raises:
            UnknownJob: there is no such job.
        """
        if not self._database.exists:
            if id is not None:
                raise UnknownJob(id)
            return Page([], 0, after, False, 0.0)
        with self._database.reading() as connection:
            now = self._database.now(connection)
            if id is not None and connection.execute(select(job.c.id).where(job.c.id == id)).first() is None:
                raise UnknownJob(id)
            order = membership.c.place if id is not None else picture.c.id
            query: Select[Any] = select(order.label("order"), *_SHOWN).select_from(picture).join(setting)
            if id is not None:
                query = query.join(membership, membership.c.picture == picture.c.id).where(membership.c.job == id)
            for name, value in wanted.items():
                column = setting.c.kind if name == "kind" else picture.c[name]
                query = query.where(column.in_(value) if isinstance(value, tuple) else column == value)
            if running is not None:
                query = query.where((picture.c.lease_s > now) if running else (picture.c.lease_s <= now))
            total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
            rows = connection.execute(query.where(order > after).order_by(order).limit(most + 1)).all()
        more, rows = len(rows) > most, rows[:most]
        return Page(rows, total, rows[-1].order if rows else after, more, now)

    def finished(self, id: str, since_s: float) -> list[Shown]:
        """Pictures of a job that were drawn or failed since then, by the database's clock, in that order."""
        query = select(*_SHOWN).select_from(picture).join(setting).join(membership, membership.c.picture == picture.c.id)
        over = (membership.c.job == id) & (picture.c.finished_s > since_s) & (picture.c.state != PictureState.OPEN)
        with self._database.reading() as connection:
            return list(connection.execute(query.where(over).order_by(picture.c.finished_s, picture.c.id)).all())

    def now(self) -> float:
        """The database's clock."""
        with self._database.reading() as connection:
            return self._database.now(connection)

    def picture(self, address: str) -> tuple[Any, bytes]:
        """A picture, and its Result where it is drawn.

        Raises:
            UnknownPicture: there is none of this address.
        """
        if not self._database.exists:
            raise UnknownPicture(address)
        with self._database.reading() as connection:
            row = connection.execute(
                select(*_SHOWN, picture.c.result).select_from(picture).join(setting).where(picture.c.address == address)
            ).first()
        if row is None:
            raise UnknownPicture(address)
        return row, bytes(row.result or b"")
