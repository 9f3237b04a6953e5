"""ImageSet: folders, zips and lists give the same photographs, and what is not there is told."""

import zipfile
from pathlib import Path

import pytest
from dgnam_models import image_set
from dgnam_models.errors import DataError
from photograph_sets import photograph_folder


def test_folders_zips_and_lists_give_the_same_photographs(tmp_path: Path) -> None:
    folder = photograph_folder(tmp_path / "photos", 6)
    (folder / "alone.PNG").write_bytes(b"not looked at yet")
    (folder / "notes.md").write_text("no photograph")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.[pP][nN][gG]"))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in names:
            archive.write(folder / name, name)
    listed = tmp_path / "photos.txt"
    listed.write_text("# all of them\n\n" + "".join(f"photos/{name}\n" for name in names))
    found = image_set.find([folder, tmp_path / "photos.zip", listed])
    assert len(found) == 21 and [name for _, name in found.names[:7]] == names and found.folder(0) == "" != found.folder(1) == "ant"
    with found.reading() as read:
        for number in range(7):
            assert read(number) == read(number + 7) == read(number + 14) == (folder / names[number]).read_bytes()
        (folder / names[1]).unlink()
        with pytest.raises(FileNotFoundError):
            read(1)
    assert found.place(1) == str(folder / names[1])
    assert len(image_set.find([folder], limit=3)) == 3


def test_what_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    listed, other = tmp_path / "list.txt", tmp_path / "notes.md"
    listed.write_text("gone.png\n")
    other.write_text("?")
    with pytest.raises(DataError) as caught:
        image_set.find([tmp_path / "nowhere", other, listed])
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'nowhere'} does not exist: give a folder, a zip, or a list of paths (.txt, .lst, .list)",
        f"{other} is none of these: give a folder, a zip, or a list of paths (.txt, .lst, .list)",
        f"{listed}: 1 of 1 photographs are not there, such as gone.png",
    ]
    with pytest.raises(DataError, match="no .jpg, .jpeg, .png, .webp files in"):
        image_set.find([_empty(tmp_path / "bare")])


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder
