"""A folder of photographs for tests: noise of some size, in class folders, in formats that lose nothing."""

from pathlib import Path

from files import png


def photograph_folder(folder: Path, count: int, side: int = 32) -> Path:
    """`count` photographs, a third of them in each of three class folders."""
    for number in range(count):
        path = folder / ("n00000001_red_fox", "ant", "n00000002_bee")[number % 3] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(side, side, number))
    return folder
