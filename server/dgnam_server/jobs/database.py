"""The database behind the store: SQLite or whatever else SQLAlchemy speaks to. It is opened with the first use."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.schema import Table

from dgnam_server.jobs import schema

FILE = "jobs.sqlite"
_WAIT_S = 30.0  # for another server that writes
_FILES, _TABLES = 74331, 74332  # names of PostgreSQL's locks
_CHUNK = 500  # rows in a statement: databases bound how many values one may have


class StoreError(Exception):
    """The store cannot be used now; the message says why."""


class NotHere(StoreError):
    """A driver that the store needs is not installed; the message names it."""


class Database:
    """Transactions of one database. Any thread may call it, and any number of servers may share it.

    Args:
        url: SQLAlchemy's, or a folder for a SQLite file.
        clock: seconds since 1970; of a database that many machines share, its own clock counts.
    """

    def __init__(self, url: URL, clock: Callable[[], float] = time.time) -> None:
        self.url, self._clock = url, clock
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    @property
    def exists(self) -> bool:
        """Whether there is anything to read: a SQLite file is made with the first job."""
        return self._engine is not None or self._file is None or self._file.is_file()

    @property
    def _file(self) -> Path | None:
        path = self.url.database
        return Path(path) if self.url.get_backend_name() == "sqlite" and path else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: it sees one state of the database, and holds up nobody.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._told(), self._opened().execution_options(reading=True).begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is kept, or nothing.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._told(), self._opened().begin() as connection:
            yield connection

    def now(self, connection: Connection) -> float:
        """Seconds since 1970."""
        if connection.dialect.name != "postgresql":
            return self._clock()
        return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())

    def add(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Insert those rows that are not there yet."""
        if rows:
            connection.execute(_unless_there(connection, table), rows)

    def added(self, connection: Connection, table: Table, row: dict[str, Any]) -> bool:
        """Insert a row, unless it is there; whether it was not."""
        return connection.execute(_unless_there(connection, table).returning(*table.primary_key), row).first() is not None

    def guard(self, connection: Connection, *, files_go: bool) -> None:
        """Until the transaction ends, no other one that deletes files runs beside this one; where this one does, nor any that adds some.

        Of SQLite, only one transaction writes at a time.
        """
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_FILES) if files_go else func.pg_advisory_xact_lock_shared(_FILES)))

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                if self._file is not None:
                    self._file.parent.mkdir(parents=True, exist_ok=True)
                engine = _engine(self.url)
                try:
                    _prepare(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    @contextmanager
    def _told(self) -> Iterator[None]:
        shown = self.url.render_as_string(hide_password=True)
        try:
            yield
        except (DBAPIError, PoolTimeout, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
            raise StoreError(f"the jobs in {shown} cannot be used: {reason[0]}") from error


def url_of(where: str) -> URL:
    """A folder or a URL as SQLAlchemy's URL.

    Raises:
        ValueError: it is neither, or a database that is not supported.
    """
    if "://" not in where:
        return URL.create("sqlite", database=str(Path(where).expanduser().absolute() / FILE))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise ValueError("it is not a folder, nor a URL such as postgresql://user@host/dgnam") from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ValueError(f"{url.get_backend_name()} is not supported: use sqlite or postgresql")
    if url.get_backend_name() == "sqlite" and not url.database:
        raise ValueError("a database in memory does not outlive the server: name a file, or a folder")
    return url


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values, as many at a time as a statement takes."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _unless_there(connection: Connection, table: Table) -> Any:
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
    return insert(table).on_conflict_do_nothing()


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True, connect_args={"client_encoding": "utf8"})  # titles and labels are any text
        engine = create_engine(url, connect_args={"timeout": _WAIT_S})
    except ModuleNotFoundError as error:
        raise NotHere('jobs in PostgreSQL need its driver: pip install "dgnam-server[postgresql]"') from error

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what is committed survives the machine, too
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # Who is to write says so at the start: a transaction that begins to write later may be refused.
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # several servers may start at once, and "if not exists" is no lock
            connection.execute(select(func.pg_advisory_xact_lock(_TABLES)))
        schema.metadata.create_all(connection)
        found = connection.execute(select(schema.version.c.version)).scalar()
        if found is None:
            connection.execute(schema.version.insert().values(version=schema.VERSION))
        elif found != schema.VERSION:
            raise StoreError(f"the jobs' database is of version {found}, and this server's is {schema.VERSION}: use another `jobs`")
