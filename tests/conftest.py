"""What every test may need."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("deadlines", "job_servers")

# Tests and the servers they start share few cores. By default an OpenMP thread spins for milliseconds until the others arrive, which then
# have no core to arrive on. It is read when PyTorch is first imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# `make fuzz` asks for the long one. The short one is the same at every run, so that a change is judged by itself.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("short", max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=_SLOW)
settings.register_profile("long", max_examples=8000, deadline=None, print_blob=True, suppress_health_check=_SLOW)
settings.load_profile("short")


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C, as tests of it need: a program that a shell runs in the background starts deaf to it, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tiny_models")  # PyTorch with it; who only hands tests to workers starts seconds earlier


@pytest.fixture(scope="session", autouse=True)
def _caches_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that tests start neither read nor write what the user's own servers have measured and keep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` on a machine without a CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
