"""What every test may need."""

import signal

import pytest

pytest_plugins = ("tiny_models",)


def pytest_configure() -> None:
    """Hear Ctrl-C, as tests of it need: a program that a shell runs in the background starts deaf to it, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` on a machine without a CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
