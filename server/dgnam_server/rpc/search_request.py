"""CreateSearchRequest -> a spec, checked and with its defaults filled in, and the references' pictures."""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, cast

import numpy as np
from dgnam_models import Generator
from dgnam_proto.v1 import search_pb2
from dgnam_proto.v1.search_pb2 import CreateSearchRequest

from dgnam_server import __version__
from dgnam_server.rpc import lookup, payload, pictures
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.wording import SHOWN, listed, nearest, quoted
from dgnam_server.search import space
from dgnam_server.search.optimizers import DEFAULT_OPTIMIZER, OPTIMIZERS, Entry
from dgnam_server.search.spec import DEFAULT_PICTURES, Axes, SearchSpec, Start
from dgnam_server.synth.options import Option

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AXES: Mapping[int, Axes] = {search_pb2.AXES_COMPONENTS: "components", search_pb2.AXES_UNITS: "units"}
_STARTS: Mapping[int, Start] = {search_pb2.SEARCH_START_MEAN: "mean", search_pb2.SEARCH_START_DRAWS: "draws"}
_MOST_REPEATS, _MOST_REFERENCES = 1000, 100
_REFERENCES_SHOWN = 10  # in a generation, unless the request says how many
_FIELDS = {"optimizer", "seed", "start", "repeats", "max_pictures", "patience", "stop_score", "axes", "references_per_generation"}


@dataclass(frozen=True, eq=False)
class Beginning:
    """A search to begin.

    Attributes:
        given: the spec's fields, and options as `options.NAME`, that the request gives.
        references: PNG files of the size of the pictures.
    """

    spec: SearchSpec
    given: set[str]
    references: Sequence[bytes] = ()


def name(reader: Reader, text: str) -> None:
    """Say what is wrong with a search's name."""
    if not _NAME.fullmatch(text):
        wanted = "from 1 to 100 letters, digits, dots, hyphens and underscores, the first a letter or digit"
        reader.at("name").invalid(f"{quoted(text)} is not a search's name: {wanted}")


def read(reader: Reader, request: CreateSearchRequest) -> Beginning:
    """Return the request checked; `pictured` adds the references, which are decoded last, when nothing else is wrong.

    Raises:
        InvalidRequest: fields are malformed or out of range, or do not go together.
        NotFound: the prior or the optimizer is unknown, and nothing else is wrong.
    """
    name(reader, request.name)
    spectrum = request.WhichOneof("space") == "spectrum"
    prior = None if spectrum else lookup.prior(reader, request)
    size = _size(reader.at("spectrum"), request) if spectrum else prior.image_size if prior else None
    entry = _optimizer(reader, request)
    options = _options(reader.at("options"), request.options, entry) if entry else {}
    start, code = _start(reader, request, prior, entry)
    axes = _axes(reader, request, prior)
    counts = _counts(reader, request)
    for index, data in enumerate(request.references[:_MOST_REFERENCES]):
        pictures.check(reader.at("references", index), data)
    if len(request.references) > _MOST_REFERENCES:
        reader.at("references").invalid(f"{len(request.references)} are more than {_MOST_REFERENCES}")
    if entry and size:
        _check_size(reader, prior, size, axes, entry, options, counts["references_per_generation"])
    reader.raise_any()
    assert entry is not None and size is not None
    spec = SearchSpec(
        name=request.name,
        prior=prior.name if prior else "",
        size=size,
        axes=axes,
        optimizer=entry.name,
        options=options,
        seed=request.seed,
        start=start,
        start_code=code,
        references=tuple(hashlib.sha256(data).hexdigest() for data in request.references),
        stop_score=request.stop_score if request.HasField("stop_score") else None,
        prior_digest=prior.card.sha256 if prior else "",
        versions={"dgnam": __version__, "numpy": np.__version__, "cma": version("cma")},
        created_s=time.time(),
        **counts,
    )
    return Beginning(spec, _given(request))


async def pictured(reader: Reader, request: CreateSearchRequest, beginning: Beginning, decode: pictures.Decode) -> Beginning:
    """Return what `read` made of the request, with its references, of the size of the pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
    """
    size = beginning.spec.size
    decoded = [await pictures.read(reader.at("references", index), decode, data, size) for index, data in enumerate(request.references)]
    reader.raise_any()
    return replace(beginning, references=[pictures.encode_png(image) for image in decoded if image is not None])


def message(spec: SearchSpec) -> CreateSearchRequest:
    """A spec for the wire, without references and start code."""
    request = CreateSearchRequest(
        name=spec.name,
        optimizer=spec.optimizer,
        options=dict(spec.options),
        seed=spec.seed,
        repeats=spec.repeats,
        references_per_generation=spec.references_per_generation,
        max_pictures=spec.max_pictures,
        patience=spec.patience,
        stop_score=spec.stop_score,
    )
    if spec.prior:
        request.prior = spec.prior
        request.axes = next(number for number, axes in _AXES.items() if axes == spec.axes)  # type: ignore[assignment]
    else:
        request.spectrum.height, request.spectrum.width = spec.size
    if spec.start != "code":
        request.start = next(number for number, start in _STARTS.items() if start == spec.start)  # type: ignore[assignment]
    return request


def _given(request: CreateSearchRequest) -> set[str]:
    given = {field for field in _FIELDS if request.HasField(cast(Any, field))}
    given |= {f"options.{option}" for option in request.options}
    given |= {"prior", "size"} if request.HasField("space") else set()
    given |= {"start_code"} if request.HasField("start_code") else set()
    return given | ({"references"} if request.references else set())


def _size(reader: Reader, request: CreateSearchRequest) -> tuple[int, int] | None:
    height, width = request.spectrum.height, request.spectrum.width
    sides = [reader.at(side).within(value, 16, 4096) for side, value in (("height", height), ("width", width))]
    if all(sides) and height * width > reader.limits.max_pixels:
        reader.invalid(f"{height} x {width} pixels are more than {reader.limits.max_pixels}")
    return (height, width) if all(sides) else None


def _optimizer(reader: Reader, request: CreateSearchRequest) -> Entry | None:
    wanted = request.optimizer if request.HasField("optimizer") else DEFAULT_OPTIMIZER
    if wanted not in OPTIMIZERS:
        reader.at("optimizer").missing("optimizer", wanted, f"there is no optimizer {quoted(wanted)}; {nearest(wanted, list(OPTIMIZERS))}")
    return OPTIMIZERS.get(wanted)


def _options(reader: Reader, given: Mapping[str, float], entry: Entry) -> dict[str, float]:
    known: dict[str, Option] = {option.name: option for option in entry.options}
    for name in sorted(given.keys() - known.keys())[:8]:
        reader.at(name[:SHOWN]).invalid(f"{entry.name} has no option {quoted(name)}; it has {listed(list(known))}")
    right = {
        name: given[name]
        for name, option in known.items()
        if name in given and reader.at(name).within(given[name], option.minimum, option.maximum, "an integer" if option.integer else "")
    }
    return entry.settings(right)


def _start(reader: Reader, request: CreateSearchRequest, prior: Generator | None, entry: Entry | None) -> tuple[Start, tuple[float, ...]]:
    named = reader.at("start").choice(request.start, _STARTS, search_pb2.SearchStart)
    if not request.HasField("start_code"):
        return named or ("draws" if entry and entry.name == "genetic" else "mean"), ()
    at_code = reader.at("start_code")
    if named:
        at_code.invalid("start says already where to begin: leave one of the two out")
    if request.WhichOneof("space") == "spectrum":
        at_code.invalid("a spectrum has no code of a prior: leave it out")
    code = at_code.array(request.start_code, (prior.code_size,), f"a code of {prior.name}") if prior else None
    return "code", () if code is None else tuple(code.tolist())


def _axes(reader: Reader, request: CreateSearchRequest, prior: Generator | None) -> Axes:
    named = reader.at("axes").choice(request.axes, _AXES, search_pb2.Axes)
    if prior is None:
        if named:
            reader.at("axes").invalid("a spectrum is searched along its own axes: leave it out")
        return "spectrum"
    known = space.has_components(prior)
    if named == "components" and not known:
        reader.at("axes").invalid(f"the components of the codes of {prior.name} are not known: search along AXES_UNITS")
    return named or ("components" if known else "units")


def _counts(reader: Reader, request: CreateSearchRequest) -> dict[str, int]:
    """Repeats, pictures and the like, each checked, with its default."""
    most = reader.limits.max_search_pictures
    known = min(len(request.references), _MOST_REFERENCES)
    ranges = {
        "repeats": (1, _MOST_REPEATS, 1),
        "max_pictures": (1, most, min(DEFAULT_PICTURES, most)),
        "patience": (0, most, 0),
        "references_per_generation": (0, known, min(known, _REFERENCES_SHOWN)),
    }
    found = {}
    for field, (least, largest, default) in ranges.items():
        found[field] = getattr(request, field) if request.HasField(cast(Any, field)) else default
        reader.at(field).within(found[field], least, largest)
    if request.HasField("stop_score"):
        reader.at("stop_score").within(request.stop_score, -1e300, 1e300)
    return found


def _check_size(
    reader: Reader, prior: Generator | None, size: tuple[int, int], axes: Axes, entry: Entry, options: Mapping[str, float], references: int
) -> None:
    """Whether the server and the optimizer can search so many values, and a message holds a generation."""
    dimensions = space.dimensions(prior, size, components=axes == "components")
    if dimensions > reader.limits.max_search_dimensions:
        smaller = "choose a smaller picture" if prior is None else "choose another prior"
        reader.at("spectrum" if prior is None else "prior").invalid(
            f"{dimensions} values to search are more than {reader.limits.max_search_dimensions}: {smaller}"
        )
    elif dimensions > entry.largest:
        reader.at("optimizer").invalid(
            f"{entry.name} searches at most {entry.largest} values, and here are {dimensions}: choose diagonal-cma, or other axes"
        )
    shown = int(options["population"]) + references
    payload.check(reader.at("options").at("population"), shown * payload.array_bytes(3, *size) // 4, "choose a smaller population")


def compared(old: SearchSpec, beginning: Beginning) -> dict[str, str]:
    """What of a request for a search that is there is not as it was begun, by field."""
    return old.difference(replace(beginning.spec, created_s=old.created_s), beginning.given)
