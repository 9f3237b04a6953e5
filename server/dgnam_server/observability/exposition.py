"""The port that Prometheus reads metrics from: HTTP, apart from the calls' port."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

log = logging.getLogger(__name__)


@contextmanager
def exposed(registry: CollectorRegistry, host: str, port: int | None) -> Iterator[None]:
    """Serve the metrics for the length of the block; nowhere, where there is no port.

    Raises:
        OSError: the address cannot be listened on.
    """
    if port is None:
        yield
        return
    server, thread = start_http_server(port, host, registry)
    log.info("metrics on http://%s:%d/metrics", f"[{host}]" if ":" in host else host, server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
