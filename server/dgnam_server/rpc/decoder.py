"""Decoder: decodes picture files in processes of their own, which end at a deadline, whatever a picture makes them do.

Rules: at most `workers` processes, started when first needed and kept; files in hand have together at most MOST_WAITING_BYTES. A process
that is not done when its caller leaves, or within the processor time a picture may take, is killed; the next picture starts another.
How busy the machine is says nothing of a picture: what only takes long by the clock is tried again by its caller.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process

import numpy as np

from dgnam_server.engine.load import Overloaded
from dgnam_server.rpc import decoding, identity
from dgnam_server.rpc.turns import Turns

log = logging.getLogger(__name__)

MOST_WAITING_BYTES = 64 * 2**20
_RETRY_S = 2.0
_PATIENCE_S = 60.0  # by the clock, beyond what a picture may take of a processor
_BARE_MIB = 1024  # address space of a process without a picture
_BYTES_PER_PIXEL = 32  # at most: as a file's own mode, turned, as RGBA, composed, as RGB, and as floats where it has 16 bits


class Decoder:
    """Its coroutines run on one event loop."""

    def __init__(self, workers: int, most_pixels: int, most_s: float) -> None:
        """Args: most_pixels: of a picture; most_s: seconds of a processor that one may take."""
        self._most_pixels, self._most_s = most_pixels, most_s
        self._places = Turns(workers)
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._waiting_bytes = 0

    async def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """A picture file as `size` (height, width) pixels: (H, W, 3) float32 RGB in [0, 1]; see `decoding.decode`.

        Clients take turns, each for as long as its pictures take.

        Raises:
            ValueError: it cannot be decoded, or not in the time that a picture may take.
            Overloaded: too much waits to be decoded, or the machine does not come to it.
        """
        if self._waiting_bytes + len(data) > MOST_WAITING_BYTES:
            raise Overloaded(_RETRY_S)
        self._waiting_bytes += len(data)
        try:
            async with self._places.one(identity.ACCOUNT.get()):
                reply = await self._reply(data, size)
        finally:
            self._waiting_bytes -= len(data)
        if reply[:1] == decoding.BAD:
            raise ValueError(reply[1:].decode(errors="replace"))
        return np.frombuffer(reply, np.uint8, offset=1).reshape(*size, 3).astype(np.float32) / 255

    async def close(self) -> None:
        """End all processes."""
        for process in self._all:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*(process.wait() for process in self._all))
        self._all.clear()
        self._idle.clear()

    async def _reply(self, data: bytes, size: tuple[int, int]) -> bytes:
        process = await self._any()
        done = False
        try:
            async with asyncio.timeout(self._most_s + _PATIENCE_S):
                reply = await self._ask(process, data, size)
            done = True
            self._idle.append(process)
            return reply
        except TimeoutError:
            log.warning("a picture of %d bytes was not decoded in %g s: the machine is too busy", len(data), self._most_s + _PATIENCE_S)
            raise Overloaded(_RETRY_S) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            if await process.wait() == -signal.SIGPROF:
                log.warning("a picture of %d bytes was not decoded in %g s of processor time", len(data), self._most_s)
                told = f"it takes more than {self._most_s:g} s of processor time to decode"
                raise ValueError(f"{told}; save the picture anew, smaller and in one scan") from None
            log.warning("a picture of %d bytes ended the process that decoded it", len(data))
            raise ValueError("the file is damaged: it cannot be decoded") from None
        finally:
            if not done:
                await self._end(process)

    async def _any(self) -> Process:
        """A process that waits for an order; those that something else ended are forgotten."""
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            self._all.discard(process)
        return await self._start()

    async def _ask(self, process: Process, data: bytes, size: tuple[int, int]) -> bytes:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(decoding.ORDER.pack(len(data), *size, self._most_pixels))
        process.stdin.write(data)
        await process.stdin.drain()
        (length,) = decoding.REPLY.unpack(await process.stdout.readexactly(decoding.REPLY.size))
        return await process.stdout.readexactly(length)

    async def _start(self) -> Process:
        memory_mib = _BARE_MIB + self._most_pixels * _BYTES_PER_PIXEL // 2**20
        program = (sys.executable, "-m", decoding.__name__, str(memory_mib), str(self._most_s))
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        # A process group of its own, so that Ctrl-C in a terminal ends the server in its order and not this process first. But no session
        # of its own: Linux shares the processors between sessions first (autogroups), and niceness would count for nothing.
        process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE, env=environment, process_group=0)
        self._all.add(process)
        return process

    async def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(asyncio.CancelledError):
            await process.wait()
        self._all.discard(process)
