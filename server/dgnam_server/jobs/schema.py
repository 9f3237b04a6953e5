"""The tables of the store.

A picture belongs to every job that asks for it, and is drawn once. Its request is its setting's, with its own target and seed, so that what
thousands of pictures have in common, such as a photograph to start from, is kept once.
"""

from enum import IntEnum

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table, Text

VERSION = 1
_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only where the type is INTEGER

metadata = MetaData()


class JobState(IntEnum):
    """Where a job is: the wire's numbers."""

    RUNNING = 1
    PAUSED = 2
    DONE = 3
    CANCELLED = 4


class PictureState(IntEnum):
    """Where a picture is. One that a server has in hand is OPEN, with a lease."""

    OPEN = 0
    DONE = 1
    FAILED = 2


version = Table("version", metadata, Column("version", Integer, primary_key=True))

job = Table(
    "job",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("title", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("client", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("pictures", Integer, nullable=False),
    Column("done", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("found", Integer, nullable=False, default=0),
    Column("created_s", Float(53), nullable=False),
    Column("resumed_s", Float(53), nullable=False),
    Column("finished_s", Float(53)),
)

setting = Table(
    "setting",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("models", Text, nullable=False),
)

picture = Table(
    "picture",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("address", String(64), nullable=False, unique=True),
    Column("setting", String(64), ForeignKey("setting.digest"), nullable=False),
    Column("target", LargeBinary, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tap", Text, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("prior", Text, nullable=False),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False, default=PictureState.OPEN),
    Column("owner", String(64), nullable=False, default=""),
    Column("lease_s", Float(53), nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
    Column("activation", Float(53)),
    Column("percentile", Float(53)),
    Column("ending", SmallInteger, nullable=False, default=0),
    Column("finished_s", Float(53), index=True),
    Column("png", String(64), index=True),
    Column("png_bytes", Integer, nullable=False, default=0),
    Column("result", LargeBinary),
    Index("picture_unit", "model", "tap", "unit"),
    Index("picture_lease", "lease_s"),
)

membership = Table(
    "membership",
    metadata,
    Column("job", String(16), ForeignKey("job.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("picture", _NUMBER, ForeignKey("picture.id"), nullable=False, index=True),
)

job_setting = Table(
    "job_setting",
    metadata,
    Column("job", String(16), ForeignKey("job.id"), primary_key=True),
    Column("setting", String(64), ForeignKey("setting.digest"), primary_key=True),
)
