"""Searches and their pictures -> messages, and a search's file."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dgnam_proto import arrays
from dgnam_proto.v1 import search_pb2
from dgnam_proto.v1.synthesis_pb2 import Include
from PIL import Image

from dgnam_server.rpc import payload, search_request
from dgnam_server.rpc.catalog import option
from dgnam_server.rpc.pictures import encode_png
from dgnam_server.search.generations import Shown, Summary, shown
from dgnam_server.search.optimizers import DEFAULT_OPTIMIZER, OPTIMIZERS
from dgnam_server.search.search import Search
from dgnam_server.search.spec import SearchSpec

_ENDINGS = {
    None: search_pb2.SEARCH_ENDING_UNSPECIFIED,
    "pictures": search_pb2.SEARCH_ENDING_PICTURES,
    "patience": search_pb2.SEARCH_ENDING_PATIENCE,
    "score": search_pb2.SEARCH_ENDING_SCORE,
}


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture of a search: `image` (H, W, 3) float32; code and image of a reference are None, and its file is `png`."""

    number: int
    generation: int
    code: np.ndarray | None = None
    image: np.ndarray | None = None
    reference: int | None = None
    png: bytes = b""


def search(spec: SearchSpec, progress: Mapping[str, Any], history: Sequence[Summary] = ()) -> search_pb2.Search:
    """A search for the wire; progress is as `searches.progress` has it."""
    fields = {name: value for name, value in progress.items() if name != "ending" and value is not None}
    return search_pb2.Search(
        request=search_request.message(spec),
        population=spec.population,
        ending=_ENDINGS[progress["ending"]],
        prior_digest=spec.prior_digest,
        versions=dict(spec.versions),
        created_s=spec.created_s,
        history=[generation(one) for one in history],
        **fields,
    )


def generation(done: Summary) -> search_pb2.Generation:
    """A generation that is done."""
    return search_pb2.Generation(**done.as_dict())  # type: ignore[arg-type]  # the fields have the same names


def pictures(drawn: Sequence[Drawn], include: Include) -> list[search_pb2.SearchPicture]:
    """Pictures, as much of them as is wanted; encodes them."""
    return [_picture(one, include) for one in drawn]


def _picture(drawn: Drawn, include: Include) -> search_pb2.SearchPicture:
    message = search_pb2.SearchPicture(number=drawn.number, generation=drawn.generation, reference=drawn.reference)
    image = _decoded(drawn.png) if drawn.image is None else drawn.image
    if payload.wanted(include, "png"):
        message.png = drawn.png or encode_png(image)
    if payload.wanted(include, "image"):
        message.image.CopyFrom(arrays.to_message(image))
    if payload.wanted(include, "code") and drawn.code is not None:
        message.code.CopyFrom(arrays.to_message(drawn.code))
    return message


def optimizers() -> search_pb2.ListOptimizersResponse:
    """All optimizers."""
    listed = [
        search_pb2.Optimizer(
            name=entry.name,
            description=entry.description,
            citation=entry.citation,
            options=[option(one, one.maximum) for one in entry.options],
        )
        for entry in OPTIMIZERS.values()
    ]
    return search_pb2.ListOptimizersResponse(optimizers=listed, default_optimizer=DEFAULT_OPTIMIZER)


def exported(found: Search) -> bytes:
    """Everything about a search as JSON text."""
    spec, best = found.spec, found.best
    record = {
        "format": "dgnam-search 1",
        "search": json.loads(spec.to_json()),
        "ending": found.ending and found.ending.value,
        "best": best and {"picture": best.picture, "score": best.score, "generation": best.generation, "code": best.code.tolist()},
        "generations": [one.as_dict() for one in found.history],
        "pictures": [_told(one, found) for one in _everything_shown(found)],
    }
    return json.dumps(record, indent=1).encode()


def _everything_shown(found: Search) -> list[Shown]:
    """Every picture so far, of all generations."""
    every: list[Shown] = []
    for done in found.history:
        every += shown(found.spec, done.number, len(every), done.scored + done.missing)
    return every if found.ending else [*every, *found.pictures]


def _told(one: Shown, found: Search) -> dict[str, Any]:
    told: dict[str, Any] = {"picture": one.number, "generation": one.generation}
    if one.is_reference:
        told["reference"] = one.index
    if one.number in found.answers:
        told["scores"] = list(found.answers[one.number])
    return told


def _decoded(png: bytes) -> np.ndarray:
    """A reference's picture (H, W, 3) float32, of the file that this server made of it."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return np.asarray(picture, np.float32) / 255
