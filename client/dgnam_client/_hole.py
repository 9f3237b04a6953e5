"""A photograph with a hole, in which a picture is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgnam_proto.v1 import synthesis_pb2

from ._picture_file import PictureLike, opened, picture_file
from ._wire.fields import refusal

if TYPE_CHECKING:
    from PIL import Image

Edges = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Hole:
    """A photograph with a hole: outside of it the photograph is held, inside it is drawn (PPGN's inpainting, Nguyen et al. 2017).

    Attributes:
        photo: The photograph (a PIL image, a path, a file's bytes, a Result).
        mask: A picture of the photograph's own size, white where the hole is; or the hole's edges in the photograph's pixels,
            (top, left, bottom, right).
    """

    photo: PictureLike
    mask: PictureLike | Edges

    def message(self) -> synthesis_pb2.Hole:
        """Its message.

        Raises:
            InvalidRequestError: The edges do not lie in the photograph.
            OSError: A file cannot be read.
        """
        photo = picture_file(self.photo, field="hole.photo")
        mask = self.mask
        if isinstance(mask, tuple | list):
            mask = _mask(opened(photo, "hole.photo").size, mask)
        return synthesis_pb2.Hole(photo=photo, mask=picture_file(mask, field="hole.mask"))

    def filled(self) -> Image.Image:
        """The photograph with the hole filled in the mean colour of the rest: where to start from."""
        from PIL import Image, ImageOps, ImageStat

        message = self.message()
        photo = opened(message.photo, "hole.photo")
        mask = opened(message.mask, "hole.mask").convert("L").point(lambda level: 255 * (level >= 128))
        if mask.size != photo.size:
            raise refusal("hole.mask", f"{mask.width} x {mask.height} pixels are not the photograph's {photo.width} x {photo.height}")
        mean = tuple(round(value) for value in ImageStat.Stat(photo, ImageOps.invert(mask)).mean)
        return Image.composite(Image.new("RGB", photo.size, mean), photo, mask)


def _mask(size: tuple[int, int], edges: Edges) -> Image.Image:
    from PIL import Image

    width, height = size
    if len(edges) != 4 or not (0 <= edges[0] < edges[2] <= height and 0 <= edges[1] < edges[3] <= width):
        raise refusal("hole", f"{edges} is not (top, left, bottom, right) within {height} x {width} pixels")
    top, left, bottom, right = edges
    mask = Image.new("L", size, 0)
    mask.paste(255, (left, top, right, bottom))
    return mask
