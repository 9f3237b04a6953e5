"""`dgnam exemplars`, and the photographs beside what `dgnam synth` draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._client import Client
from .._errors import InvalidRequestError
from .._exemplars import Exemplars
from .._file import write_file
from . import files, tunables, waiting
from .look import default_projection, progress
from .parser import Arguments
from .printing import DONE, print_json, print_table

if TYPE_CHECKING:
    from PIL import Image

    from .._result import Result
    from .catalog import Catalog
    from .waiting import Waits

_FORMATS = (".png", ".jpg", ".jpeg", ".webp")


def run(client: Client, arguments: Arguments) -> int:
    """Show which photographs excite units most."""
    output = None if arguments.output is None else Path(arguments.output)
    if output is not None:
        files.check_folder(str(output))
        if output.suffix.lower() not in _FORMATS:
            raise InvalidRequestError(f"-o {output}: end the name in .png, .jpg or .webp")
    if arguments.index is not None and (why := not_an_index(arguments.index)):
        raise InvalidRequestError(f"--index {arguments.index}: {why}")
    options = {}
    if arguments.tuned:
        known = client.methods(timeout=arguments.timeout)
        method = tunables.find(known.projections, arguments.method or default_projection(client, known, arguments.units[0]))
        options = tunables.values(arguments.tuned, method, known.projections, arguments.fixed)
    found = []
    for unit in arguments.units:
        with progress(unit, arguments) as show:
            one = client.exemplars(
                unit,
                count=arguments.count,
                index=arguments.index,
                project=output is not None and not arguments.no_projections,
                method=arguments.method,
                layer=arguments.layer,
                determinism=arguments.determinism,
                on_progress=show,
                timeout=arguments.timeout,
                **waiting.said(arguments),
                **options,
            )
        found.append(one)
    if arguments.json:
        return print_json([facts for one in found for facts in _facts(one)])
    for one in found:
        print(f"{one.title}: the strongest of {one[0].photographs} photographs")
        print_table((), [(f"{each.rank}", f"{each.activation:.4g}", each.photograph) for each in one])
    if output is not None:
        if len(found) == 1:
            found[0].save(output)
        else:
            _write_sheet(found, output)
        print(f"{output}  {len(found)} unit{'s' if len(found) > 1 else ''}")
    return DONE


def not_an_index(name: str) -> str:
    """Why what should be the name of one of the server's indices cannot be one; empty: it can."""
    if name not in (".", "..") and "/" not in name and "\\" not in name:
        return ""
    own = Path(name).name or name
    return (
        "this is a folder, and the photographs of an index are read by the server, which may be another machine: start it with "
        f"`dgnam-server --indices {name}`, in Python Engine.local(indices=[...]), and give the index's name here, such as {own}"
    )


def beside_exemplars(catalog: Catalog, result: Result, index: str | None, waits: Waits) -> Image.Image:
    """A picture, and beside it the photographs that excite each of its units most.

    Raises:
        DgnamError: The server has no photographs for these units.
    """
    from .._sheet import caption, contact_sheet

    pictures, captions = [_as_high(result.image)], [caption(result)]
    for term in result.recipe.terms:
        if not isinstance(term.unit.unit, int | str):
            raise InvalidRequestError(f"{term.unit} is no single unit, and photographs are ranked for units alone")
        found = catalog.exemplars(term.unit, index, waits)
        projections = found.projections()
        if projections is not None:
            pictures.append(projections)
            captions.append([found.title, "what the activations come from"])
        pictures.append(found.patches())
        captions.append(_caption(found))
    return contact_sheet(pictures, captions, scale=1, columns=len(pictures))


def _caption(found: Exemplars) -> list[str]:
    strongest = f"activation {found[-1].activation:.4g} to {found[0].activation:.4g}"
    folders = ", ".join(dict.fromkeys(one.folder for one in found if one.folder))
    return [found.title, f"the {len(found)} strongest of {found[0].photographs} photographs", strongest, folders]


def _as_high(picture: Image.Image) -> Image.Image:
    """A picture as high as a block of nine photographs."""
    from PIL import Image

    from .._exemplars import GAP_PX, PATCH_PX

    height = 3 * PATCH_PX + 2 * GAP_PX
    return picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS)


def _write_sheet(found: list[Exemplars], path: Path) -> None:
    """Zeiler & Fergus 2013, fig. 2: a block for each unit."""
    from PIL import Image

    from .._sheet import contact_sheet, encode

    sheet = contact_sheet([one.block() for one in found], [_caption(one) for one in found], scale=1)
    write_file(path, encode(sheet, Image.registered_extensions()[path.suffix.lower()]))


def _facts(found: Exemplars) -> list[dict[str, object]]:
    return [
        {
            "unit": found.address,
            "rank": one.rank,
            "activation": one.activation,
            "photograph": one.photograph,
            "position": one.position,
            "box": [one.box.top, one.box.left, one.box.bottom, one.box.right],
            "index": one.index,
            "photographs": one.photographs,
        }
        for one in found
    ]
