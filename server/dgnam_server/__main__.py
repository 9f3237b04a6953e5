"""The program: settings -> app -> serve."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence

from dgnam_server.engine import heap
from dgnam_server.faults import SettingsError
from dgnam_server.observability import logs
from dgnam_server.settings import Settings
from dgnam_server.sources import load

_SWITCH_S = 0.001
_LOOK_S = 1.0  # from one look at the parent to the next


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit status: 0 after a stop, 1 if serving failed, 2 if a setting or a model is wrong."""
    started = time.monotonic()
    try:
        settings = load(sys.argv[1:] if arguments is None else arguments)
    except SettingsError as error:
        return _complain(map(str, error.faults))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[logs.handler(settings.log_format)])
    # A container's first process gets no signal that it has no handler for, and so could not be stopped while it loads.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    return _serve(settings, started)


def _serve(settings: Settings, started: float) -> int:
    heap.keep_freed_memory()  # now, while there is one thread: `app.build` does so for other programs, and is called in a second one here
    if settings.parent is not None:
        threading.Thread(target=_stop_after, args=(settings.parent,), daemon=True).start()
    # Each time that the device thread has waited for a kernel, it needs the interpreter again, and a thread that checks requests gives it
    # away only after this long: 5 ms by default, which is more than many a step takes.
    sys.setswitchinterval(_SWITCH_S)
    # Imported here because gRPC takes a second: --help and wrong settings are answered without it. PyTorch comes once the port is open.
    from dgnam_models import CardError

    from dgnam_server.cluster import front
    from dgnam_server.rpc import serve
    from dgnam_server.starting import Starting

    async def serve_until_signal() -> None:
        stop = asyncio.Event()
        serve.stop_on_signals(stop, parts)
        await serve.run(parts, stop)
        await serve.settled()

    try:
        parts = front.build(settings) if settings.ray else Starting(settings, started)
        asyncio.run(serve_until_signal())
    except SettingsError as error:
        return _complain(map(str, error.faults))
    except CardError as error:
        return _complain([str(error)])
    except serve.StartError as error:
        print(f"dgnam-server: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while loading, before the signal handlers
        return 130
    return 0


def _stop_after(parent: int) -> None:
    """Wait until the process `parent`, which started this one, has ended, in whatever way; then stop as on a signal."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _complain(problems: Iterable[str]) -> int:
    for problem in problems:
        print(f"dgnam-server: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
