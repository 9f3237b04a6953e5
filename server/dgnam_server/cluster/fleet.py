"""The fleet: replicas as actors of Ray, which places them, one to a device, and starts those anew that end.

Rules: one thread asks every replica how it is, each second, and alone changes how many there are. `ready` gives what it last found.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError

from dgnam_server.cluster import local_ray
from dgnam_server.cluster.front import jobs_apart, of_a_replica
from dgnam_server.cluster.replica import Server, State
from dgnam_server.cluster.routing import Replica
from dgnam_server.cluster.scale import Scale
from dgnam_server.faults import Fault, SettingsError
from dgnam_server.rpc.serve import StartError
from dgnam_server.settings import RAY_HERE, Settings

log = logging.getLogger(__name__)

_PERIOD_S = 1.0
_JOBS = 32
_SILENCE_S = 30.0  # after which a replica that does not answer is taken for gone, until it does
_LAST_WORDS_S = 10.0  # beside the drain itself


@dataclass(eq=False)
class _Member:
    """One actor, and what it last said."""

    name: str
    actor: Any
    asked: Any = None
    state: State = State()
    heard: float = field(default_factory=time.monotonic)

    def poll(self, now: float) -> None:
        """Take in its answer if there is one, and ask again. Never waits."""
        if self.asked is None:
            self.asked = self.actor.state.remote()
        if not ray.wait([self.asked], timeout=0)[0]:
            if now - self.heard > _SILENCE_S:
                self.state = State()
            return
        try:
            found = ray.get(self.asked)
            self.heard = now
        except RayError as error:
            found = State()
            if self.state.address:
                log.warning("replica %s ended, and is started anew: %s", self.name, str(error).splitlines()[0])
        if found.address and found.address != self.state.address:
            log.info("replica %s is ready at %s", self.name, found.address)
        if found.failure and found.failure != self.state.failure:
            log.error("replica %s cannot serve: %s", self.name, found.failure)
        self.state, self.asked = found, None


class Fleet:
    """Any thread may call it. `token` is what its replicas ask callers for.

    To be made before anybody listens for signals, because Ray does so too, and who comes last is heard.

    Raises:
        SettingsError: there is no such cluster.
    """

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings, self._token = settings, token
        self._members: tuple[_Member, ...] = ()
        self._leaving: list[Any] = []
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="fleet", daemon=True)
        self._warned = False
        self._connect()

    def ready(self) -> Sequence[Replica]:
        """Those that serve."""
        return [Replica(member.name, member.state.address, member.state.batch_rows) for member in self._members if member.state.address]

    def start(self) -> None:
        """Returns once one replica is ready.

        Raises:
            SettingsError: the cluster lacks the devices.
            StartError: a replica cannot start.
        """
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0)) if self._settings.device.partition(":")[0] in ("auto", "cuda") else 0
        if self._settings.device == "cuda" and not gpus:
            raise SettingsError([Fault("device", "no machine of the cluster has a GPU that Ray knows of")])
        least = self._settings.replicas or max(1, gpus)
        most = max(least, self._settings.max_replicas or least)
        self._gpus = 1 if gpus else 0
        self._threads = self._settings.threads or max(1, int(resources.get("CPU", 1)) // most)
        self._scale = Scale(least, most, self._settings.replica_jobs or _JOBS)
        if gpus and gpus < least:
            log.warning("%d replicas are wanted, but the cluster has %d GPUs: the rest wait for more", least, gpus)
        self._resize(least)
        self._watcher.start()
        while not self.ready() and not self._ended.is_set():
            if failures := {member.state.failure for member in self._members if member.state.failure}:
                raise StartError("a replica cannot start: " + "; ".join(sorted(failures)))
            time.sleep(0.1)

    def drain(self, timeout_s: float) -> None:
        """Have all replicas end, and leave Ray; what Ray started for us ends too."""
        self._ended.set()
        if self._watcher.is_alive():
            self._watcher.join()
        ended = [member.actor.stop.remote() for member in self._members] if ray.is_initialized() else []
        if ended:
            ray.wait(ended, num_returns=len(ended), timeout=timeout_s + _LAST_WORDS_S)
        self._members = ()
        if self._settings.ray == RAY_HERE:
            local_ray.stop()
        else:
            ray.shutdown()

    def _connect(self) -> None:
        try:
            if self._settings.ray == RAY_HERE:
                local_ray.start()
            else:
                ray.init(address=self._settings.ray, logging_level=logging.WARNING, configure_logging=False)
        except Exception as error:  # Ray raises that itself where its processes do not start
            raise SettingsError(
                [Fault("ray", f"{self._settings.ray} cannot be started or joined: {str(error).splitlines()[0]}")]
            ) from error

    def _watch(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            try:
                for member in self._members:
                    member.poll(time.monotonic())
                self._warn()
                self._resize(self._scale.wanted(len(self._members), sum(member.state.jobs for member in self._members), time.monotonic()))
                self._leaving = [ended for ended in self._leaving if not _gone(*ended)]
            except Exception:
                log.exception("the replicas could not be watched; trying again")

    def _warn(self) -> None:
        if not self._warned and (text := jobs_apart(self._settings, self.ready())):
            log.warning(text)
            self._warned = True

    def _resize(self, count: int) -> None:
        """Begin or end replicas, the last first; one that ends finishes what it has."""
        for number in range(len(self._members), count):
            self._members = (*self._members, _Member(str(number), self._begun(str(number))))
        for member in reversed(self._members[count:]):
            log.info("replica %s ends: there is little to do", member.name)
            self._leaving.append((member.actor, member.actor.stop.remote()))
        self._members = self._members[:count]

    def _begun(self, name: str) -> Any:
        # Two calls at once, so that a replica that drains still tells how it is.
        placed = ray.remote(Server).options(
            num_cpus=0 if self._gpus else self._threads, num_gpus=self._gpus, max_restarts=-1, max_concurrency=2, name=None
        )
        return placed.remote(name, of_a_replica(self._settings, self._host(), self._token, self._threads))

    def _host(self) -> str | None:
        return "127.0.0.1" if self._settings.ray == RAY_HERE else None


def _gone(actor: Any, stopped: Any) -> bool:
    if not ray.wait([stopped], timeout=0)[0]:
        return False
    ray.kill(actor)
    return True
