"""Recipes of analyses: all it takes to make an analysis of a picture again."""

from __future__ import annotations

import os
from typing import Any

from dgnam_proto.v1 import analysis_pb2

from ._place import Place
from ._recipe import Record


class AnalysisRecipe(Record):
    """All it takes to make an analysis again: the request with its picture and every default filled in, and what it ran on.

    Two recipes are equal where everything in them is.
    """

    _kind = analysis_pb2.AnalysisRecipe
    _fields = ("project", "occlude", "transform")

    @property
    def place(self) -> str:
        """What was looked at, as text: a unit's address; of an occlusion or an invariance all that was watched, joined by `+`."""
        request = self._request
        places = [request.place] if isinstance(request, analysis_pb2.ProjectRequest) else request.places
        return "+".join(map(str, map(read_place, places)))

    @property
    def method(self) -> str:
        """The method of projection, or "occlusion" or "invariance"."""
        request = self._request
        if isinstance(request, analysis_pb2.ProjectRequest):
            return request.method
        return "occlusion" if isinstance(request, analysis_pb2.OccludeRequest) else "invariance"

    def __repr__(self) -> str:
        return f"<AnalysisRecipe {self.place} method={self.method}>"


AnalysisRecipeLike = AnalysisRecipe | dict[str, Any] | str | os.PathLike[str]


def read_place(message: analysis_pb2.Place) -> Place:
    """The place in a message."""
    named = message.WhichOneof("unit")
    unit = message.label if named == "label" else message.index if named == "index" else None
    position = (message.position.y, message.position.x) if message.HasField("position") else None
    return Place(message.model, message.tap or None, unit, position)
