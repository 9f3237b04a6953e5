"""The composition root: the one file that knows every part."""

import asyncio
import platform
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from dgnam_models import Network

from dgnam_server import __version__, catalog, indices, machine
from dgnam_server.engine import heap, warmup
from dgnam_server.engine.batch_cache import BatchCache, default_folder
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.faults import Fault, SettingsError
from dgnam_server.jobs.claims import Claims
from dgnam_server.jobs.database import Database, url_of
from dgnam_server.jobs.listing import Listing
from dgnam_server.jobs.pictures import Pictures
from dgnam_server.jobs.runner import Runner, owner
from dgnam_server.jobs.store import Limits as JobLimits
from dgnam_server.jobs.store import Store as JobStore
from dgnam_server.observability.metrics import Metrics, Watched
from dgnam_server.rpc import job_drawing, serve
from dgnam_server.rpc.analysis import AnalysisServicer
from dgnam_server.rpc.catalog import CatalogServicer
from dgnam_server.rpc.entrance import Entrance
from dgnam_server.rpc.jobs import Jobs, JobServicer
from dgnam_server.rpc.pools import Pools
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.search import SearchServicer
from dgnam_server.rpc.server import ServerServicer
from dgnam_server.rpc.submission import Submitter
from dgnam_server.rpc.synthesis import SynthesisServicer
from dgnam_server.search.searches import MEMORY_BYTES, Searches
from dgnam_server.search.store import Store
from dgnam_server.settings import OFF, Settings

if TYPE_CHECKING:
    from grpc import aio
    from opentelemetry.sdk.trace import TracerProvider


@dataclass(frozen=True, eq=False)
class App:
    """The parts of one server; `ready` is set once the engine is warm."""

    settings: Settings
    engine: DeviceThread
    synthesis: SynthesisServicer
    analysis: AnalysisServicer
    search: SearchServicer
    jobs: JobServicer
    catalog: CatalogServicer
    server: ServerServicer
    pools: Pools
    ready: asyncio.Event
    metrics: Metrics
    tracers: "TracerProvider | None" = None

    def summary(self) -> str:
        """What serves, for the log."""
        provenance, models = self.server.provenance, len(self.catalog.catalog.cards)
        took_s = time.monotonic() - self.server.started
        return f"{models} models on {provenance.device} in {provenance.precision}, started in {took_s:.1f} s"

    def start(self) -> None:
        """Start the engine; returns once it is warm."""
        self.engine.start()

    def healthy(self) -> bool:
        """Always, once it has started: what fails ends single jobs."""
        return True

    def drain(self, timeout_s: float) -> None:
        """Refuse new work; returns once all work has ended, which it is made to after this time."""
        self.engine.drain(timeout_s)

    @asynccontextmanager
    async def background(self) -> AsyncIterator[Callable[[], None]]:
        """Pictures of jobs are drawn; at its end, those that are not go back to the store."""
        torch.set_num_threads(1)  # of the event loop's thread; why, `build` says
        if (jobs := self.jobs.jobs) is None:
            yield lambda: None
            return
        drawing = asyncio.create_task(jobs.runner.run())
        try:
            yield jobs.runner.stop
        finally:
            await jobs.runner.close(drawing)
            await asyncio.to_thread(jobs.store.database.close)

    async def close(self) -> None:
        """Let go of the searches' files."""
        self.search.searches.close()

    def add_to(self, server: "aio.Server") -> None:
        """Have the server answer the calls of all services."""
        serve.add_services(self, server)


def build(
    settings: Settings,
    started: float,
    networks: Sequence[Network] = (),
    only: Collection[str] | None = None,
    entrance: Entrance | None = None,
) -> App:
    """Load the models and put the parts together; the engine is not started yet.

    Args:
        started: when the process began, in `time.monotonic` seconds.
        networks: beside those of the packs.
        only: of the packs' models, load these alone; None: those that the settings name, or all.
        entrance: that of a server whose port is open already; None: its own.

    Raises:
        SettingsError: the device is not there, or an index of photographs cannot be used.
        CardError: a model cannot be loaded.
    """
    device, entrance = _device(settings.device), entrance or Entrance.of(settings)
    heap.keep_freed_memory()
    threads = settings.threads or torch.get_num_threads()
    # Only the device thread keeps a team of OpenMP threads: with a second team there are more threads than cores, they stop spinning at
    # barriers, and a lone row's step takes 1.8 times as long. And models are loaded with as many threads as the device thread has, because
    # oneDNN lays weights out anew at each call where another number multiplies with them (1.6 times as long). Hence a thread for loading,
    # whose team ends with it.
    torch.set_num_threads(1)
    dtype = None if settings.precision == "auto" else getattr(torch, settings.precision)
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads,)) as loading:
        chosen = settings.only or None if only is None else only
        models = loading.submit(catalog.load, settings.models, device, settings.default_prior, dtype, networks, chosen).result()
    models = replace(models, indices=indices.load(settings.indices, models.cards))
    limits = _limits(settings, device)
    builder = Builder(models, device, limits.draw_bytes)
    work = warmup.typical(builder)
    cache = _cache(settings, threads, str(models.dtype), device)
    engine = DeviceThread(work, limits, threads, cache, entrance.metrics)
    return assemble(settings, builder, engine, _device_name(device), started, entrance)


def _limits(settings: Settings, device: torch.device) -> EngineLimits:
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None
    return EngineLimits(
        queue_capacity=settings.queue_capacity,
        max_batch_rows=settings.max_batch_rows,
        max_batch_mib=settings.max_batch_mib,
        max_memory_mib=settings.max_memory_mib or machine.default_memory_mib(free),
        client_queue_capacity=settings.client_queue_capacity,
        batch_rows=settings.batch_rows,
    )


def _cache(settings: Settings, threads: int, dtype: str, device: torch.device) -> BatchCache:
    facts: dict[str, str | int] = {
        "machine": f"{platform.node()}, {_device_name(device)}",
        "precision": dtype,
        "threads": threads,
        "torch": str(torch.__version__),
        "dgnam": __version__,
        "max_batch_rows": settings.max_batch_rows,
    }
    return BatchCache(settings.cache_dir or default_folder(), facts)


def assemble(
    settings: Settings, builder: Builder, engine: DeviceThread, device_name: str, started: float, entrance: Entrance | None = None
) -> App:
    """Put given parts together."""
    models, entrance = builder.catalog, entrance or Entrance.of(settings)
    versions = {"dgnam": __version__, "python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
    provenance = Provenance(versions, device_name, str(models.dtype).removeprefix("torch."))
    pools, metrics, fields = entrance.pools, entrance.metrics, ReceptiveFields()
    searched = min(MEMORY_BYTES, engine.limits.max_memory_mib * 2**20 // 8)
    submitter = Submitter(builder, engine, settings, entrance.ready, pools)
    jobs = None if settings.jobs == OFF else _jobs(submitter, provenance, fields)
    runner, memory_bytes = jobs.runner if jobs else None, engine.limits.max_memory_mib * 2**20
    metrics.watch(Watched(engine, memory_bytes, models.load_seconds, _device_bytes(builder.device), runner))
    return App(
        settings=settings,
        engine=engine,
        synthesis=SynthesisServicer(submitter, provenance),
        analysis=AnalysisServicer(submitter, provenance, fields),
        search=SearchServicer(submitter, Searches(Store(settings.state_folder), builder.space, settings.max_searches, searched)),
        jobs=JobServicer(submitter, jobs),
        catalog=CatalogServicer(models, settings, fields),
        server=ServerServicer(engine, settings, provenance, started),
        pools=pools,
        ready=entrance.ready,
        metrics=metrics,
        tracers=entrance.tracers,
    )


def _jobs(submitter: Submitter, provenance: Provenance, fields: ReceptiveFields) -> Jobs:
    """What keeps jobs and draws their pictures; it is idle until the runner runs."""
    settings, engine = submitter.limits, submitter.engine
    database = Database(url_of(settings.job_folder))
    pictures = Pictures(settings.job_pictures or str(Path(settings.job_folder).expanduser().absolute() / "pictures"))
    store = JobStore(database, pictures, JobLimits(settings.max_jobs, settings.max_client_jobs, settings.max_job_mib * 2**20))

    def ahead() -> int:
        """Two batches: while one runs, the next one waits. Others' requests need room in the queue, too."""
        return max(1, min(2 * engine.batch_rows, settings.client_queue_capacity // 2, settings.queue_capacity // 2))

    claims = Claims(database, pictures, owner(), settings.job_lease_s)
    drawing, obstacle = job_drawing.Drawing(submitter, provenance, fields), partial(job_drawing.obstacle, submitter.builder.catalog)
    return Jobs(store, Listing(database), Runner(claims, drawing, obstacle, ahead))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    accelerator = torch.accelerator.current_accelerator()
    there = ["cpu", *(f"{accelerator.type}:{index}" for index in range(torch.accelerator.device_count()))] if accelerator else ["cpu"]
    if name.removesuffix(":0") not in [device.removesuffix(":0") for device in there]:
        raise SettingsError([Fault("device", f"{name} is not there; this machine has {', '.join(there)}")])
    return torch.device(name)


def _device_bytes(device: torch.device) -> Callable[[], int] | None:
    return partial(torch.cuda.memory_reserved, device) if device.type == "cuda" else None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return str(device)
    described = Path("/proc/cpuinfo")  # where it exists, it says more than `platform` does
    lines = described.read_text(encoding="utf-8", errors="replace").splitlines() if described.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names and names[0] else platform.processor() or platform.machine()
