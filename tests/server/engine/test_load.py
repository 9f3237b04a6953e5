"""What the engine may hold."""

from dgnam_server.engine.load import EngineLimits


def test_the_parts_make_the_whole() -> None:
    limits = EngineLimits(max_memory_mib=800)
    assert (limits.request_bytes, limits.draw_bytes) == (200 * 2**20, 100 * 2**20)
    assert limits.request_bytes + limits.draw_bytes + limits.row_bytes == 800 * 2**20
