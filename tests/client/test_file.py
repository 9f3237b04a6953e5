"""Files that appear whole or not at all."""

from pathlib import Path

from dgnam_client._file import write_file


def test_written_files_follow_the_umask(tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    reference.touch()
    assert write_file(tmp_path / "file", b"").stat().st_mode == reference.stat().st_mode
