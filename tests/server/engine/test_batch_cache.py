"""Measured batch sizes, kept in a file."""

from pathlib import Path

import pytest
from dgnam_server.engine.batch_cache import MOST, BatchCache, default_folder

WORK = "draw 64 x 64"
FACTS = {"machine": "a", "threads": 2}


def test_what_is_written_is_read_by_who_has_the_same_facts(tmp_path: Path) -> None:
    cache = BatchCache(tmp_path / "cache", FACTS)
    assert cache.read(WORK) is None
    cache.write(WORK, 8)
    assert cache.read(WORK) == 8
    assert BatchCache(tmp_path / "cache", dict(reversed(FACTS.items()))).read(WORK) == 8
    other = BatchCache(tmp_path / "cache", {**FACTS, "threads": 3})
    assert other.read(WORK) is None
    other.write(WORK, 4)
    assert (cache.read(WORK), other.read(WORK)) == (8, 4)
    assert cache.read("draw 224 x 224") is None
    cache.write("draw 224 x 224", 16)
    assert (cache.read(WORK), cache.read("draw 224 x 224")) == (8, 16)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["batch-sizes.json"]


def test_the_latest_are_kept(tmp_path: Path) -> None:
    cache = BatchCache(tmp_path, FACTS)
    for number in range(MOST):
        cache.write(f"work {number}", 4)
    cache.write("work 0", 8)
    cache.write("one more", 16)
    assert [cache.read(work) for work in ("work 0", "work 1", "work 2", "one more")] == [8, None, 4, 16]


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"x": 1}', '{"%s": "many"}', '{"%s": true}', '{"%s": -1}', "\udcff"])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(tmp_path: Path, content: str) -> None:
    cache = BatchCache(tmp_path, FACTS)
    cache.file.write_bytes(content.replace("%s", cache.key(WORK).replace('"', '\\"')).encode(errors="surrogateescape"))
    assert cache.read(WORK) is None
    cache.write(WORK, 2)
    assert cache.read(WORK) == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "file").write_text("")
    BatchCache(tmp_path / "file" / "folder", FACTS).write(WORK, 2)
    assert "not kept" in caplog.text


def test_it_is_where_the_users_caches_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "dgnam"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "dgnam"
