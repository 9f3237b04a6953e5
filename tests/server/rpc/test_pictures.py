"""Picture files in requests: what is refused by their first bytes, and how pictures are sent."""

import io
from typing import Any

import numpy as np
import pytest
from dgnam_server.catalog import Catalog
from dgnam_server.engine.load import Overloaded
from dgnam_server.rpc import pictures
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings
from picture_files import claiming, decode_here, noise, of_many_scans, saved, settled
from PIL import Image


@pytest.fixture
def told(tiny: Catalog) -> Any:
    """`told(*files, max_pixels=...)`: what is wrong with the files of one request."""

    def told(*files: bytes, **limits: int) -> list[str]:
        reader = Reader(tiny, Settings(**limits))
        for index, data in enumerate(files):
            pictures.check(reader.at("images", index), data)
        return [str(violation) for violation in reader.violations]

    return told


def test_what_is_refused_by_its_first_bytes(told: Any) -> None:
    colours = [Image.new("RGB", (16, 16), (10 * i, 0, 0)) for i in range(20)]
    frames = saved(colours[0], "WEBP", save_all=True, append_images=colours[1:])
    many = frames + frames[frames.index(b"ANMF") :] * 60
    files = [noise(16, 16), b"", b"GIF89a", claiming(5000, 5000), claiming(0, 40), claiming(40, 5), of_many_scans(64, 64, 200), many]
    assert told(*files) == [
        "images[1]: the file is empty; send a PNG, JPEG or WebP file",
        "images[2]: the file is not a PNG, JPEG or WebP file",
        "images[3]: 5000 x 5000 pixels are more than 16000000; scale the picture down",
        "images[4]: 0 x 40 pixels are too few; each side needs at least 16",
        "images[5]: 40 x 5 pixels are too few; each side needs at least 16",
        "images[6]: 209 scans are more than 64; save the picture anew",
        "images[7]: 1220 pictures in one file are more than 1000; send the first alone",
    ]


def test_pixels_of_all_pictures_together(told: Any) -> None:
    assert not told(*[claiming(3000, 4000)] * 5)
    assert told(*[claiming(3000, 4000)] * 6) == [
        "images[5]: with this picture the request has more than 64000000 pixels; scale its pictures down, or send fewer"
    ]
    assert len(told(*[noise(20, 20)] * 3, max_request_pixels=800)) == 1


def test_what_the_decoder_says(tiny: Catalog) -> None:
    reader = Reader(tiny, Settings())
    assert settled(pictures.read(reader.at("images", 0), decode_here, noise(20, 20), (8, 8))) is not None
    assert settled(pictures.read(reader.at("images", 1), decode_here, noise(20, 20)[:-60], (8, 8))) is None
    (violation,) = reader.violations
    assert str(violation).startswith("images[1]: the file is damaged or cut short")

    async def busy(data: bytes, size: tuple[int, int]) -> np.ndarray:
        raise Overloaded(2.0)

    with pytest.raises(Overloaded):
        settled(pictures.read(reader, busy, b"", (8, 8)))


def test_png_clips_and_rounds() -> None:
    image = np.zeros((16, 16, 3), np.float32)
    image[0, :5, 0] = [-0.5, 0.25, 0.5, 1.0, 7.0]
    back = np.asarray(Image.open(io.BytesIO(pictures.encode_png(image))))
    assert back[0, :5, 0].tolist() == [0, 64, 128, 255, 255]
