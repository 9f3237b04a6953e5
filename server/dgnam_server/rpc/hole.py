"""A photograph with a hole, to draw in: a request's `hole`."""

import numpy as np

from dgnam_server.rpc import picture_header, pictures
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.space import Request
from dgnam_server.synth.parts.inpainting import HOLD
from dgnam_server.synth.spec import Hole, Settings

_INSIDE = 0.5  # a mask's brightness from which on a pixel is in the hole


def check(reader: Reader, request: Request) -> None:
    """Say what is wrong with the hole's two files, as far as their first bytes tell. The reader stands at the request."""
    if not request.HasField("hole"):
        return
    at_hole, before = reader.at("hole"), len(reader.violations)
    for name in ("photo", "mask"):
        pictures.check(at_hole.at(name), getattr(request.hole, name))
    if len(reader.violations) == before:
        photo, mask = (picture_header.read(data) for data in (request.hole.photo, request.hole.mask))
        if (photo.width, photo.height) != (mask.width, mask.height):
            sizes = f"{mask.width} x {mask.height} pixels are not the photograph's {photo.width} x {photo.height}"
            at_hole.at("mask").invalid(f"{sizes}: the mask must lie over it")


def settings(reader: Reader, request: Request, values: Settings) -> Settings:
    """The settings of a request: with a hole, the rest is held. The reader stands at `options`."""
    if not request.HasField("hole"):
        if values.get(HOLD):
            reader.at(HOLD).invalid("the request has no hole, so there is nothing to hold: give it one, or leave this out")
        return values
    return {**values, HOLD: values[HOLD] if HOLD in request.options else 1.0}


async def pictured(reader: Reader, request: Request, size: tuple[int, int], decode: pictures.Decode) -> Hole | None:
    """The hole of a request without violations, in the `size` that is drawn. Decodes it, which takes time."""
    if not request.HasField("hole"):
        return None
    at_hole = reader.at("hole")
    photo = await pictures.read(at_hole.at("photo"), decode, request.hole.photo, size)
    shown = await pictures.read(at_hole.at("mask"), decode, request.hole.mask, size)
    if photo is None or shown is None:
        return None
    mask = (shown.mean(2) >= _INSIDE).astype(np.float32)
    if not mask.any() or mask.all():
        what = "it has no hole" if not mask.any() else "all of it is hole, and nothing is held"
        at_hole.at("mask").invalid(f"in the {size[0]} x {size[1]} pixels that are drawn {what}: white is the hole, black is held")
    return Hole(photo, mask)
