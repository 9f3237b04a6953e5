"""Everything the server can be told, checked wherever it is made.

A setting is one field of Settings and nothing else: its keyword and TOML key are the field's name, its variable is DGNAM_NAME, its flag
--name. `sources.load` reads them from flags, variables and a file; `Settings(...)` takes keywords alone.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, DirectoryPath, Field, FilePath, PrivateAttr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from dgnam_server.faults import Fault, SettingsError, fault

PREFIX = "DGNAM_"
OFF = "off"  # in place of where jobs are kept
RAY_HERE = "local"  # a cluster that is started on this machine, and ends with the server
MOST_STEPS = 2000  # the most that any method takes; a test compares, because methods need PyTorch, which takes seconds to import


def _split(value: Any) -> Any:
    parts = value.split(os.pathsep) if isinstance(value, str) else [value] if isinstance(value, Path) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, Path) or (isinstance(part, str) and part) for part in parts):
        raise ValueError(f"{value!r} is not a list of folders")
    return parts


def _names(value: Any) -> Any:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) and part for part in parts):
        raise ValueError(f"{value!r} is not a list of names")
    return [name for part in parts for name in part.split(",")]


def _an_address(text: str | None) -> str | None:
    if text is not None and not (text.startswith(("http://", "https://")) and text.isascii() and text.isprintable()):
        raise ValueError(f"{text!r} is not an address that begins with http:// or https://")
    return text


def _in_a_folder(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        raise ValueError(f"the folder of {path} does not exist")
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file")
    return path


def _not_a_file(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file, not a folder")
    return path


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _of_jobs(where: str | None) -> str | None:
    if where not in (None, OFF):
        from dgnam_server.jobs.database import url_of  # SQLAlchemy takes a while to import

        url = url_of(where)
        if url.get_backend_name() == "sqlite" and url.database:
            folder = Path(url.database).parent
            _not_a_file(folder)
    return where


def _check_token(value: Any) -> Any:
    """Refuse what cannot be a token; the message does not show it."""
    if not (isinstance(value, str) and value and value.isascii() and value.isprintable()):
        raise ValueError("it must be printable ASCII characters, at least one")
    return value


def _read_tokens(path: Path) -> tuple[str, ...]:
    """The tokens of a file, one a line."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        return tuple(_check_token(line) for line in [line for line in lines if line] or [""])
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{path} does not hold tokens, one a line: printable ASCII characters, at least one") from None


def _with_tokens(path: Path) -> Path:
    _read_tokens(path)
    return path


def _with_token(path: Path) -> Path:
    if len(_read_tokens(path)) > 1:
        raise ValueError(f"{path} holds several tokens; the gallery has one")
    return path


class Settings(BaseSettings):
    """The server's settings; None: not set. Frozen.

    Raises:
        SettingsError: with every fault found.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 for every IPv4 address of this machine")
    port: int = Field(7433, ge=0, le=65535, description="port to listen on; 0: any free one (see port_file)")
    port_file: Annotated[Path, AfterValidator(_in_a_folder)] | None = Field(
        None, description="file that holds the port's number while the server serves"
    )
    parent: int | None = Field(
        None, ge=1, description="number of the process that started the server, which stops when that has ended; by default it goes on"
    )
    models: Annotated[tuple[DirectoryPath, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="packs of models (folders with cards/ and weights/) beside the bundled ones"
    )
    indices: Annotated[tuple[DirectoryPath, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="indices of photographs (dgnam-models index), or folders of several; they are only read"
    )
    only: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="models to load, and the encoders of priors among them; by default all of the packs and the bundled ones"
    )
    device: str = Field(
        "auto",
        pattern=r"^[a-z]+(:\d+)?$",
        description="where networks run: cpu, cuda, cuda:1, mps, ...; auto: the CUDA GPU if there is one, else the processor",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="what networks compute in")
    threads: int = Field(0, ge=0, le=1024, description="processor threads for networks; 0: one per core")
    default_prior: str | None = Field(None, min_length=1, description="prior of requests that name none")
    max_steps: int = Field(MOST_STEPS, ge=1, le=MOST_STEPS, description="most steps a request may ask for")
    max_terms: int = Field(16, ge=1, le=256, description="most terms of a target")
    max_variants: int = Field(64, ge=1, le=4096, description="most variants of a request")
    queue_capacity: int = Field(
        256, ge=1, le=1_000_000, description="jobs that may wait; one more is refused, unless its client has less than its share"
    )
    client_queue_capacity: int = Field(128, ge=1, le=1_000_000, description="jobs of one client that may wait; one more is refused")
    queue_timeout_s: float | None = Field(
        None, ge=0.001, le=604800, description="how long a job may wait before it starts; then it fails. Requests may ask for less"
    )
    read_timeout_s: float = Field(60.0, ge=0.1, le=86400, description="how long a client may leave its results unread; then its call ends")
    keepalive_s: float = Field(
        15.0, ge=1, le=3600, description="silence after which the server asks whether a client is there; 10 s later it is taken for gone"
    )
    max_batch_rows: int = Field(64, ge=1, le=4096, description="most rows that share a batch, but for those of other clients that join")
    batch_rows: int | None = Field(None, ge=1, le=4096, description="rows that share a batch, in place of measuring how many pay")
    cache_dir: Path | None = Field(None, description="folder that keeps what was measured; by default that of the user's caches")
    max_memory_mib: int | None = Field(
        None,
        ge=64,
        le=2**30,
        description="most memory in MiB of requests, running rows and unread results; by default half of what the machine or container has",
    )
    max_request_bytes: int = Field(8_388_608, ge=65_536, le=67_108_864, description="most bytes of a request, its picture files included")
    max_start_image_pixels: int = Field(16_000_000, ge=256, le=80_000_000, description="most pixels of a picture file in a request")
    max_request_pixels: int = Field(64_000_000, ge=256, le=2**40, description="most pixels of all picture files of a request together")
    picture_workers: int = Field(
        3, ge=1, le=64, description="processes that decode picture files; of several, one client has all but one at once"
    )
    picture_timeout_s: float = Field(10.0, ge=0.01, le=600, description="processor time that a picture file may take to decode")
    max_calls: int = Field(1000, ge=1, le=100_000, description="calls that may be under way at once")
    max_client_calls: int = Field(500, ge=1, le=100_000, description="calls of one client that may be under way at once")
    client_call_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="part of a processor that one client's calls may take, but for drawing, while others call; then they wait. 1: no limit",
    )
    max_connections: int = Field(500, ge=1, le=100_000, description="connections that clients may have at once")
    max_connection_calls: int = Field(
        256, ge=1, le=100_000, description="calls that one connection may have at once; more wait in the client"
    )
    max_connection_age_s: float = Field(
        3600.0, ge=1, le=10**6, description="age at which a connection takes no new calls; clients then connect anew by themselves"
    )
    max_positions: int = Field(20_000, ge=1, le=1_000_000, description="most looks at altered pictures in an Occlude or Transform")
    max_pixels: int = Field(512 * 512, ge=256, le=80_000_000, description="most pixels of a picture that is optimized without a prior")
    max_batch_mib: int = Field(2048, ge=16, le=2**20, description="most memory in MiB that a batch of such pictures may take")
    state_dir: Annotated[Path, AfterValidator(_not_a_file)] | None = Field(
        None, description="folder of what outlives the server, such as searches (default: dgnam in $XDG_STATE_HOME or ~/.local/state)"
    )
    max_searches: int = Field(100, ge=1, le=100_000, description="most searches that are kept")
    max_search_pictures: int = Field(20_000, ge=4, le=1_000_000, description="most pictures of a search")
    max_search_dimensions: int = Field(65_536, ge=4, le=1_000_000, description="most values that a search may search")
    jobs: Annotated[str | None, BeforeValidator(_as_text), AfterValidator(_of_jobs)] = Field(
        None,
        min_length=1,
        repr=False,  # there may be a password in it
        description="folder that keeps jobs, or a database such as postgresql://user@host/dgnam, which several servers may share; "
        "off: none are kept (default: jobs in state_dir)",
    )
    job_pictures: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        None,
        min_length=1,
        description="folder or URL, such as s3://bucket/folder, of the pictures of jobs (default: pictures in the folder of jobs)",
    )
    max_jobs: int = Field(1000, ge=1, le=1_000_000, description="most jobs that are kept")
    max_client_jobs: int = Field(20, ge=1, le=1_000_000, description="most jobs of one client that are not over")
    max_job_pictures: int = Field(100_000, ge=1, le=1_000_000, description="most pictures of a job")
    max_job_mib: int = Field(20_480, ge=1, le=2**30, description="MiB that pictures of jobs may take before no more jobs are begun")
    job_lease_s: float = Field(
        30.0, ge=1, le=3600, description="time after which other servers take over the pictures that a killed server had in hand"
    )
    drain_timeout_s: float = Field(5.0, ge=0, le=3600, description="how long running work may still take after a stop signal")
    tls_cert: FilePath | None = Field(None, description="PEM file of the server's certificate chain; with tls_key it turns TLS on")
    tls_key: FilePath | None = Field(None, description="PEM file of the certificate's private key")
    tls_client_ca: FilePath | None = Field(None, description="PEM file of authorities; clients must then show a certificate of theirs")
    token_file: Annotated[Path, AfterValidator(_with_tokens)] | None = Field(
        None, description="file with the tokens, one a line, of which clients must send one"
    )
    token: Annotated[str, BeforeValidator(_check_token)] | None = Field(None, repr=False, description="the token itself")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe messages to log")
    log_format: Literal["text", "json"] = Field("text", description="how the log is written: as lines for people, or as JSON objects")
    metrics_port: int | None = Field(None, ge=0, le=65535, description="port of Prometheus metrics, over HTTP; by default there are none")
    metrics_host: str = Field("127.0.0.1", min_length=1, description="address that metrics are read from; it asks for no token")
    traces_endpoint: Annotated[str | None, AfterValidator(_an_address)] = Field(
        None, description="where traces of calls are sent, by OTLP over HTTP, such as http://localhost:4318/v1/traces"
    )

    client_header: str | None = Field(
        None,
        pattern=r"^[a-z0-9_.-]+$",
        description="metadata in which a proxy says who the client is, such as x-forwarded-for; only where all calls come through it",
    )
    ray: str | None = Field(
        None,
        min_length=1,
        description=f"serve from many replicas that Ray places: {RAY_HERE} (also if nothing follows) starts Ray on this machine; "
        "auto, or the address of a cluster such as 10.0.0.1:6379, joins one",
    )
    replicas: int | None = Field(None, ge=1, le=1024, description="replicas, with ray; by default one for each GPU of the cluster, or one")
    max_replicas: int | None = Field(
        None, ge=1, le=1024, description="most replicas, with ray, if there is much to do; by default replicas"
    )
    replica_jobs: int | None = Field(
        None, ge=1, le=1_000_000, description="jobs for each replica, with ray, above which there are more; by default 32"
    )

    web: int | None = Field(
        None, ge=0, le=65535, description="port of the gallery, a web page to look around in and to draw; by default there is none"
    )
    web_host: str = Field("127.0.0.1", min_length=1, description="address that the gallery listens on; others need web_token_file")
    web_token_file: Annotated[Path, AfterValidator(_with_token)] | None = Field(
        None, description="file with the token that browsers must show to the gallery"
    )

    _of_file: tuple[str, ...] = PrivateAttr(())

    def __init__(self, **values: Any) -> None:
        faults = contradictions(values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            faults = [*(fault(one, type(self).model_fields) for one in error.errors()), *faults]
        if faults:
            raise SettingsError(faults)
        if self.token_file is not None:
            self._of_file = _read_tokens(self.token_file)  # the one thing that is read once all else is right

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keywords alone: only a program reads its environment, by `sources.load`."""
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans(cls, value: Any) -> Any:
        if isinstance(value, bool):  # an int to Python
            raise PydanticCustomError("boolean", "no setting is a boolean")
        return value

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, checked as all settings are."""
        return type(self)(**{**self.model_dump(exclude_unset=True), **(update or {})})

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of which a client must send one; none: it need not."""
        return (self.token,) if self.token else self._of_file

    @property
    def state_folder(self) -> Path:
        """Where what outlives the server is kept."""
        home = os.environ.get("XDG_STATE_HOME")  # https://specifications.freedesktop.org/basedir-spec/latest/
        return self.state_dir or (Path(home) if home else Path.home() / ".local" / "state") / "dgnam"

    @property
    def job_folder(self) -> str:
        """Where jobs are kept: a folder or a database's URL."""
        return self.jobs or str(self.state_folder / "jobs")

    @property
    def exposed(self) -> bool:
        """Whether other machines can reach the address it listens on."""
        return _reachable(self.host)


def _reachable(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host != "localhost"


def contradictions(values: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with `values` together, whatever each of them is."""
    given = {name for name, value in values.items() if value is not None}
    needs = {"tls_cert": "tls_key", "tls_key": "tls_cert", "tls_client_ca": "tls_cert"}
    if "://" in str(values.get("jobs")):  # a folder has room for pictures, too
        needs["jobs"] = "job_pictures"
    needs |= dict.fromkeys(("replicas", "max_replicas", "replica_jobs"), "ray")
    faults = [Fault(name, f"it needs {other}, which is not set") for name, other in needs.items() if name in given and other not in given]
    if {"token", "token_file"} <= given:
        faults.append(Fault("token_file", f"token ({PREFIX}TOKEN) is set too; set only one of them"))
    if {"web", "tls_cert"} <= given:
        faults.append(Fault("web", "the gallery beside a server calls it without TLS; with tls_cert start `dgnam gallery` by itself"))
    if "web" in given and "web_token_file" not in given and _reachable(str(values.get("web_host") or "localhost")):
        faults.append(Fault("web_host", "other machines can reach the gallery there: it needs web_token_file, which is not set"))
    return faults
