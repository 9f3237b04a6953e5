"""Measured batch sizes, kept in a file."""

from pathlib import Path

import pytest
from dgnam_server.engine.batch_cache import BatchCache, default_folder

FACTS = {"machine": "a", "threads": 2}


def test_what_is_written_is_read_by_who_has_the_same_facts(tmp_path: Path) -> None:
    cache = BatchCache(tmp_path / "cache", FACTS)
    assert cache.read() is None
    cache.write(8)
    assert cache.read() == 8
    assert BatchCache(tmp_path / "cache", dict(reversed(FACTS.items()))).read() == 8
    other = BatchCache(tmp_path / "cache", {**FACTS, "threads": 3})
    assert other.read() is None
    other.write(4)
    assert (cache.read(), other.read()) == (8, 4)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["batch-sizes.json"]


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"x": 1}', '{"%s": "many"}', '{"%s": true}', '{"%s": -1}', "\udcff"])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(tmp_path: Path, content: str) -> None:
    cache = BatchCache(tmp_path, FACTS)
    cache.file.write_bytes(content.replace("%s", cache.key.replace('"', '\\"')).encode(errors="surrogateescape"))
    assert cache.read() is None
    cache.write(2)
    assert cache.read() == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "file").write_text("")
    BatchCache(tmp_path / "file" / "folder", FACTS).write(2)
    assert "not kept" in caplog.text


def test_it_is_where_the_users_caches_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "dgnam"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "dgnam"
