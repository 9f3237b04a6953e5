"""The program: configuration -> app -> serve."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Sequence

from dgnam_server.config import Config, ConfigError, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit status: 0 after a stop, 1 if serving failed, 2 if the configuration is wrong."""
    started = time.monotonic()
    try:
        config = load(sys.argv[1:] if arguments is None else arguments, os.environ)
    except ConfigError as error:
        return _complain(error.problems)
    logging.basicConfig(level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    return _serve(config, started)


def _serve(config: Config, started: float) -> int:
    # Imported here because PyTorch takes seconds: --help and wrong settings are answered without it.
    from dgnam_models import CardError

    from dgnam_server import app
    from dgnam_server.rpc import serve

    async def serve_until_signal() -> None:
        stop = asyncio.Event()
        serve.stop_on_signals(stop, config)
        await serve.run(parts, stop)

    try:
        parts = app.build(config, started)
        asyncio.run(serve_until_signal())
    except ConfigError as error:
        return _complain(error.problems)
    except CardError as error:
        return _complain([str(error)])
    except serve.StartError as error:
        print(f"dgnam-server: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while loading, before the signal handlers
        return 130
    return 0


def _complain(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"dgnam-server: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
