"""What a synthesis gives: its events, the finished picture, and the recipe that draws it again."""

from __future__ import annotations

import io
import json
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dgnam_proto.v1 import synthesis_pb2

from ._errors import InvalidRequestError
from ._target import target_terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Ending = Literal["steps-done", "zero-gradient", "unknown"]

# Notebooks show smaller pictures than this enlarged.
PREVIEW_PX = 192


@dataclass(frozen=True)
class Queued:
    """The request waits.

    Attributes:
        position: Jobs ahead of it.
    """

    position: int


@dataclass(frozen=True)
class Started:
    """The request is being worked on."""


@dataclass(frozen=True)
class VariantProgress:
    """How far one picture is.

    Attributes:
        variant: Which of the request's pictures.
        step: Steps done.
        total_steps: Steps in all.
        activation: The weighted sum of the terms' activations.
        preview: The picture so far as a PNG file; None where none was asked for or nothing is new.
    """

    variant: int
    step: int
    total_steps: int
    activation: float
    preview: bytes | None = None

    @property
    def image(self) -> Image.Image | None:
        """The preview as a PIL image."""
        return None if self.preview is None else _decode(self.preview)


@dataclass(frozen=True)
class Progress:
    """The latest state of every variant that moved."""

    variants: tuple[VariantProgress, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A finished picture. A notebook shows it by itself.

    Attributes:
        variant: Which of the request's pictures; its seed is the request's plus this.
        png: The picture as a PNG file, RGB, as the server made it.
        array: The picture as float32 RGB, shape (H, W, 3), nominally in [0, 1], not clipped.
        activation: The weighted sum of the terms' activations for this picture.
        term_activations: One activation per term, unweighted.
        history: The terms' activations at each step, float32 of shape (steps, terms).
        code: The code this picture was drawn from, float32 of shape (code size,).
        ending: "steps-done", or "zero-gradient" where no step could change anything.
        recipe: All it takes to draw the picture again.
    """

    variant: int
    png: bytes
    array: NDArray[np.float32]
    activation: float
    term_activations: tuple[float, ...]
    history: NDArray[np.float32]
    code: NDArray[np.float32]
    ending: Ending
    recipe: Recipe

    @cached_property
    def image(self) -> Image.Image:
        """The picture as a PIL image, RGB."""
        return _decode(self.png)

    def save(self, path: str | os.PathLike[str], *, recipe: bool = True) -> Path:
        """Write the picture, and its recipe beside it.

        A file that is there is replaced, whole or not at all.

        Args:
            path: Its suffix chooses the format: `.png` (the server's file, unchanged), `.npy` (the array), or another one
                that Pillow can write.
            recipe: Also write the recipe, to the same name with the suffix `.json`.

        Returns:
            The picture's path.

        Raises:
            ValueError: No such format.
            OSError: The file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            raise ValueError(f"{path} is a recipe's name: end the picture's name in .png, .npy or another picture format")
        write_file(path, self._encode(path.suffix.lower()))
        if recipe:
            self.recipe.save(path.with_suffix(".json"))
        return path

    def _encode(self, suffix: str) -> bytes:
        if suffix == ".png":
            return self.png
        file = io.BytesIO()
        if suffix == ".npy":
            import numpy as np

            np.save(file, self.array)
            return file.getvalue()
        from PIL import Image

        kind = Image.registered_extensions().get(suffix)
        if kind is None:
            raise ValueError(f"no picture format is called {suffix!r}: use .png, .npy, .jpg or .webp")
        self.image.save(file, format=kind)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        factor = PREVIEW_PX // max(self.image.size)
        if factor < 2:
            return self.png
        from PIL import Image

        file = io.BytesIO()
        self.image.resize((self.image.width * factor, self.image.height * factor), Image.Resampling.LANCZOS).save(file, format="PNG")
        return file.getvalue()

    def __repr__(self) -> str:
        height, width = self.array.shape[:2]
        return (
            f"<Result {self.recipe.target} seed={self.recipe.seed}: {width} x {height} px, "
            f"activation {self.activation:.4g} after {len(self.history)} steps>"
        )


Event = Queued | Started | Progress | Result


class Recipe:
    """All it takes to draw a picture again: the request with every default filled in, and what it ran on.

    Two recipes are equal where everything in them is.
    """

    def __init__(self, message: synthesis_pb2.Recipe) -> None:
        self._message = synthesis_pb2.Recipe()
        self._message.CopyFrom(message)

    @classmethod
    def from_json(cls, text: str | bytes) -> Recipe:
        """Read what `to_json` wrote.

        Raises:
            InvalidRequestError: The text is no recipe.
        """
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise InvalidRequestError(f"this is not a recipe: {error}") from error
        return cls.from_dict(fields)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Recipe:
        """Read what `to_dict` gave.

        Raises:
            InvalidRequestError: The dict is no recipe.
        """
        from google.protobuf import json_format

        # Other JSON, and an empty object, would pass for a recipe in which nothing is set.
        if not isinstance(fields, dict) or not (fields.get("request") or fields.get("pixels")):
            raise InvalidRequestError("this is not a recipe: it holds no request")
        try:
            return cls(json_format.ParseDict(fields, synthesis_pb2.Recipe()))
        except json_format.ParseError as error:
            raise InvalidRequestError(f"this is not a recipe: {error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
        """Read a recipe file.

        Raises:
            InvalidRequestError: The file holds no recipe.
            OSError: The file cannot be read.
        """
        try:
            return cls.from_json(Path(path).read_bytes())
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{path}: {error.message}") from error

    def to_json(self) -> str:
        """The recipe as JSON, with the contract's field names."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON's types, with the contract's field names."""
        from google.protobuf import json_format

        return json_format.MessageToDict(self._message, preserving_proto_field_name=True)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the recipe as JSON; a file that is there is replaced, whole or not at all.

        Raises:
            OSError: The file cannot be written.
        """
        return write_file(Path(path), self.to_json().encode())

    def request(self) -> synthesis_pb2.SynthesizeRequest | synthesis_pb2.SynthesizePixelsRequest:
        """The request that draws the picture again: a copy."""
        request: synthesis_pb2.SynthesizeRequest | synthesis_pb2.SynthesizePixelsRequest = type(self._request)()
        request.MergeFrom(self._request)
        return request

    @property
    def _request(self) -> Any:
        return self._message.pixels if self._message.HasField("pixels") else self._message.request

    @property
    def target(self) -> str:
        """The target as text: terms joined by `+`."""
        return "+".join(map(str, target_terms(self._request.target)))

    @property
    def seed(self) -> int:
        """The seed of this picture."""
        seed: int = self._request.seed
        return seed

    @property
    def model_digests(self) -> dict[str, str]:
        """SHA-256 of the weight file of each model that took part."""
        return dict(self._message.model_digests)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of dgnam, torch and others."""
        return dict(self._message.versions)

    @property
    def device(self) -> str:
        """The processor or GPU it ran on."""
        return self._message.device

    def differences(self, other: Recipe) -> list[str]:
        """What may make the other recipe's picture differ, one line each: request, weights, versions, device."""
        lines = ["request: not the same"] if self._request != other._request else []
        for kind, mine, theirs in (("weights", self.model_digests, other.model_digests), ("version", self.versions, other.versions)):
            for name in sorted(mine.keys() | theirs.keys()):
                before, after = (facts.get(name, "none")[:12] for facts in (mine, theirs))
                if mine.get(name) != theirs.get(name):
                    lines.append(f"{kind} of {name}: {before}, now {after}")
        if self.device != other.device:
            lines.append(f"device: {self.device}, now {other.device}")
        return lines

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self._message == other._message

    # A message is mutable in principle, so there is nothing to hash.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _recipe_from_bytes, (self._message.SerializeToString(),)

    def __repr__(self) -> str:
        request = self._request
        if self._message.HasField("pixels"):
            return f"<Recipe {self.target} method={request.method} steps={request.options['steps']:g} seed={request.seed}>"
        return f"<Recipe {self.target} prior={request.prior} method={request.method} steps={request.steps} seed={request.seed}>"


def write_file(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all: beside its place first, then moved there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return path


def _decode(png: bytes) -> Image.Image:
    from PIL import Image

    return Image.open(io.BytesIO(png)).convert("RGB")


def _recipe_from_bytes(content: bytes) -> Recipe:
    return Recipe(synthesis_pb2.Recipe.FromString(content))
