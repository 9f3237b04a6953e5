"""What is asked of the server about photographs and pictures: exemplars, and projections."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from .._place import Place
from .picture_pages import held
from .templates import gallery, page

if TYPE_CHECKING:
    from PIL import Image

COUNT = 9
_PATCH_PX = 160


async def exemplars(request: Request) -> Response:
    """The photographs that excite a unit most: what the unit sees of each, and what in it does."""
    here = gallery(request)
    target = await here.catalogue.target(request.path_params["unit"])
    unit = target.terms[0].unit
    found = await here.client.exemplars(Place(unit.model, unit.tap, int(str(unit.unit))), count=COUNT)
    shown = await asyncio.to_thread(lambda: [(one, _source(one.patch), _source(one.projected_patch)) for one in found])
    return page(request, "_exemplars.html", name=target.name, shown=shown, photographs=found[0].photographs if found else 0)


async def projection(request: Request) -> Response:
    """What in a picture its units' activations come from."""
    here = gallery(request)
    method = str((await request.form(max_files=0, max_fields=4)).get("method", "")) or None
    kept, content = await held(request)
    picture, target = content.png, await here.catalogue.target(kept.target)
    shown = []
    for named in target.terms:
        unit = named.unit
        place = Place(unit.model, unit.tap, int(str(unit.unit)), unit.position)
        # What a prior draws is often smaller than the network's input, and was enlarged for it while it was drawn.
        found = await here.client.project([picture], place, method=method, enlarge=True)
        (one,) = found if isinstance(found, list) else [found]
        shown.append((named, one, "data:image/png;base64," + base64.b64encode(one.png).decode("ascii")))
    return page(request, "_projection.html", shown=shown, kept=kept)


def _source(picture: Image.Image | None) -> str:
    """A picture as an address that holds it."""
    if picture is None:
        return ""
    small = picture.convert("RGB")
    small.thumbnail((_PATCH_PX, _PATCH_PX))
    file = io.BytesIO()
    small.save(file, format="WEBP", quality=82)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")
