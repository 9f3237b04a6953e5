"""The cache stays within its bound, and what was lately used stays in it."""

import torch
from dgnam_server.engine.draw_cache import DrawCache


def test_the_least_lately_used_goes_first() -> None:
    cache = DrawCache(capacity_bytes=100)
    for key in "abc":
        cache.put(key, torch.zeros(8))  # 32 bytes
    assert cache.get("a") is not None
    cache.put("d", torch.zeros(8))
    assert cache.get("b") is None
    assert all(cache.get(key) is not None for key in "acd")
    assert cache.held_bytes == 96


def test_it_never_holds_more_than_its_capacity() -> None:
    cache = DrawCache(capacity_bytes=100)
    cache.put("a", torch.zeros(8))
    cache.put("a", torch.ones(16))
    assert cache.held_bytes == 64
    assert cache.get("a") is not None and cache.get("a").sum() == 16  # type: ignore[union-attr]
    cache.put("large", torch.zeros(26))
    assert cache.held_bytes == 0 and cache.get("large") is None
