"""Files by their content, in a folder and in what speaks as S3 does."""

from pathlib import Path

import pytest
from dgnam_server.jobs.database import NotHere, StoreError
from dgnam_server.jobs.pictures import Pictures


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "pictures") if request.param == "folder" else request.getfixturevalue("bucket")


def test_a_file_is_there_once_whole_and_under_its_content(where: str) -> None:
    files = Pictures(where)
    name = files.put(b"a picture")
    assert len(name) == 64 and files.put(b"a picture") == name and files.put(b"another") != name
    assert Pictures(where).get(name) == b"a picture"
    files.delete(name)
    files.delete(name)
    with pytest.raises(StoreError, match=f"{name}.png cannot be read"):
        files.get(name)


def test_what_is_damaged_is_not_given(tmp_path: Path) -> None:
    files = Pictures(str(tmp_path))
    name = files.put(b"a picture")
    (found,) = tmp_path.rglob("*.png")
    found.write_bytes(b"a pict")
    with pytest.raises(StoreError, match="is damaged"):
        files.get(name)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{name}.png"], "no other file is left"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be written"):
        Pictures(str(tmp_path / "file")).put(b"a picture")


def test_a_driver_that_is_not_installed() -> None:
    with pytest.raises(NotHere, match="pictures in gs:// need its driver"):
        Pictures("gs://jobs/pictures").put(b"a picture")
