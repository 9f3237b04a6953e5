"""SubmitJobRequest -> a plan: every picture of the job, checked, with all defaults filled in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dgnam_models import ModelCard
from dgnam_models.card import Tap
from dgnam_proto.v1.analysis_pb2 import Place
from dgnam_proto.v1.jobs_pb2 import JobTarget, JobTemplate, JobUnits, SubmitJobRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit

from dgnam_server.jobs.plan import Picture, Plan, Setting
from dgnam_server.rpc import job_analyses, lookup, places, recipe, request, space
from dgnam_server.rpc.errors import Violation
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.job_analyses import Looks
from dgnam_server.rpc.pictures import Decode
from dgnam_server.rpc.space import Request
from dgnam_server.synth.spec import SynthesisSpec

_MOST_TEMPLATES, _MOST_TARGETS = 64, 10_000
_MOST_TITLE = 200
_SHOWN = 4  # names in a title
_IDLE = ("preview_interval", "include", "priority", "queue_timeout_s")  # fields of a request that no picture of a job depends on


@dataclass(frozen=True)
class _Units:
    """Units of one tap, or one target of several terms; all with one request."""

    path: str
    target: Target  # of units, that of the first
    card: ModelCard | None = None
    tap: Tap | None = None
    indices: Sequence[int] = ()

    @property
    def count(self) -> int:
        return len(self.indices) or 1


@dataclass(frozen=True, eq=False)
class Checked:
    """A template with a target: what they ask for, but for pictures that have to be decoded."""

    reader: Reader
    asked: Request
    spec: SynthesisSpec
    units: _Units
    seeds: int


@dataclass(frozen=True, eq=False)
class Asked:
    """What a request asks for: pictures to be drawn, and what is shown beside them."""

    parts: Sequence[Checked]
    looks: Sequence[Looks]


def read(reader: Reader, message: SubmitJobRequest) -> Asked:
    """Return the request's parts checked. Those that have pictures are to be decoded by `decoded`.

    Raises:
        InvalidRequest: fields are malformed or out of range; lists every violation of any kind.
        NotFound: models, taps, units or methods are unknown, and nothing else is wrong.
        FailedPrecondition: the models here cannot do what is asked, and nothing else is wrong.
    """
    for name, count, most in (("templates", len(message.templates), _MOST_TEMPLATES), ("targets", len(message.targets), _MOST_TARGETS)):
        if not 1 <= count <= most:
            reader.at(name).invalid(f"{count} are not between 1 and {most}")
    reader.raise_any()
    if len(message.title) > _MOST_TITLE:
        reader.at("title").invalid(f"{len(message.title)} characters are more than {_MOST_TITLE}")
    templates = [_template(reader.at("templates", index), one) for index, one in enumerate(message.templates)]
    groups = [group for index, one in enumerate(message.targets) for group in _groups(reader.at("targets", index), one)]
    seeds = sum(max(1, asked.variants) for _, asked in templates if asked is not None)
    looks = []
    if message.HasField("analyses"):
        units = _by_tap(reader, groups)
        looks = job_analyses.read(reader.at("analyses"), message.analyses, units)
    pictures = seeds * sum(group.count for group in groups) + sum(one.count for one in looks)
    most = reader.limits.max_job_pictures
    if pictures > most:
        reader.at("targets").invalid(f"{pictures} pictures are more than {most}: submit several jobs, or fewer units or seeds")
        reader.raise_any()
    return Asked(_checked(reader, [(at, asked) for at, asked in templates if asked is not None], groups), looks)


async def decoded(parts: Sequence[Checked], decode: Decode) -> None:
    """Find out whether the pictures in the request can be decoded.

    Raises:
        InvalidRequest: some cannot.
    """
    seen: set[tuple[str, str, str]] = set()
    for one in parts:
        key = one.reader.path, one.spec.prior, one.units.path if one.units.card is None else ""
        if key not in seen:  # a template's pictures are the same for all units
            seen.add(key)
            await request.pictured(one.reader, one.asked, one.spec, decode)


def plan(asked: Asked, message: SubmitJobRequest, client: str) -> Plan:
    """All pictures of what was checked, those to be drawn first. Takes a while, if they are many."""
    pictures = [picture for part in asked.parts for picture in _pictures(part)]
    pictures += [picture for looks in asked.looks for picture in looks.pictures()]
    return Plan(pictures, message.SerializeToString(), message.title or _title(asked), client)


def _template(reader: Reader, message: JobTemplate) -> tuple[Reader, Request | None]:
    kind = message.WhichOneof("request")
    if kind is None:
        reader.invalid("a request is required: synthesize, or synthesize_pixels")
        return reader, None
    asked: Request = getattr(message, kind)
    at = reader.at(kind)
    if asked.HasField("target"):
        at.at("target").invalid("the job's targets say what is drawn: leave it out")
    for name in _IDLE:
        if (name == "preview_interval" and asked.preview_interval) or (name != "preview_interval" and asked.HasField(name)):
            at.at(name).invalid("no picture of a job depends on it: leave it out")
    variants = asked.variants if asked.HasField("variants") else 1
    if at.at("variants").within(variants, 1, reader.limits.max_job_pictures):
        at.at("seed").within(asked.seed, 0, request.SEEDS - 1 - variants)
    return at, asked


def _groups(reader: Reader, message: JobTarget) -> Iterator[_Units]:
    match message.WhichOneof("aim"):
        case "units":
            yield from _units(reader.at("units"), message.units)
        case "target":
            yield _Units(reader.at("target").path, message.target)
        case _:
            reader.invalid("units or a target are required")


def _units(reader: Reader, message: JobUnits) -> Iterator[_Units]:
    network = lookup.network(reader.at("model"), message.model)
    if network is None:
        return
    card = network.card
    if message.HasField("tap"):
        found = lookup.tap(reader.at("tap"), card, message.tap)
        taps = [] if found is None else [found]
    else:
        taps = list(card.taps)
        if message.indices or message.labels:
            reader.at("tap").invalid("units are of one tap: name it")
            return
    for tap in taps:
        by_index = [lookup.unit_by_index(reader.at("indices", number), card, tap, index) for number, index in enumerate(message.indices)]
        by_label = [lookup.unit_by_label(reader.at("labels", number), card, tap, label) for number, label in enumerate(message.labels)]
        named = list(dict.fromkeys(index for index in (*by_index, *by_label) if index is not None))
        indices = named if message.indices or message.labels else range(tap.shape[0])
        if indices:
            yield _Units(reader.path, Target(terms=[Term(unit=Unit(model=card.name, tap=tap.name, index=indices[0]))]), card, tap, indices)


def _by_tap(reader: Reader, groups: Sequence[_Units]) -> dict[tuple[str, str], dict[int, None]]:
    """All units that are named, by network and tap. What is wrong with a target's own, whoever reads the target tells."""
    found: dict[tuple[str, str], dict[int, None]] = {}
    for group in groups:
        if group.card is not None and group.tap is not None:
            found.setdefault((group.card.name, group.tap.name), {}).update(dict.fromkeys(group.indices))
            continue
        for number, term in enumerate(group.target.terms):
            kind, at = term.unit.WhichOneof("unit"), Reader(reader.catalog, reader.limits)
            if kind not in (None, "index", "label"):
                why = "photographs are ranked for units alone: leave this target out, or the analyses"
                Reader(reader.catalog, reader.limits, group.path, reader.violations).at("terms", number).invalid(why)
                continue
            place = places.read(
                at, Place(model=term.unit.model, tap=term.unit.tap or None, **{kind: getattr(term.unit, kind)} if kind else {})
            )
            if place is not None and place.index is not None:
                found.setdefault((place.network.name, place.tap.name), {})[place.index] = None
    return found


def _checked(reader: Reader, templates: Sequence[tuple[Reader, Request]], groups: Sequence[_Units]) -> list[Checked]:
    """Each template with each target; what is wrong with a template is wrong with every target, and told once."""
    found = []
    for at, template in templates:
        for group in groups:
            asked = type(template).FromString(template.SerializeToString())
            asked.target.CopyFrom(group.target)
            asked.variants = 1  # the other seeds differ in nothing else
            own = Reader(reader.catalog, reader.limits, at.path)
            found.append(Checked(own, asked, request.checked(own, asked), group, max(1, template.variants)))
            for violation in own.violations:
                moved = _moved(violation, at, group)
                if moved not in reader.violations:
                    reader.violations.append(moved)
            own.violations.clear()
    reader.raise_any()
    return found


def _moved(violation: Violation, at: Reader, group: _Units) -> Violation:
    """What is wrong with a template's target is wrong with the job's."""
    inner = f"{at.path}.target"
    if not violation.field.startswith(inner):
        return violation
    rest = violation.field.removeprefix(inner)
    if group.card is not None:
        rest = rest.removeprefix(".terms[0].unit")
    return replace(violation, field=group.path + rest)


def _pictures(part: Checked) -> Iterator[Picture]:
    spec, units, catalog = part.spec, part.units, part.reader.catalog
    filled = recipe.complete(part.asked, spec, 0)
    target = filled.target
    for message, term in zip(target.terms, spec.terms, strict=True):
        if message.unit.WhichOneof("unit") == "label":  # two spellings of one picture
            message.unit.index = term.unit.index
        message.unit.ClearField("bare")
    # A target with pictures of its own is kept once for all seeds; one of plain units is short.
    whole = any(message.unit.WhichOneof("unit") != "index" for message in target.terms)
    setting = _setting(filled, {name: catalog.cards[name].sha256 for name in recipe.models(spec, catalog)}, whole=whole)
    first = target.terms[0].unit
    card = catalog.networks[first.model].card
    labels = lookup.labels_of(card, lookup.known_tap(card, first.tap)) if first.WhichOneof("unit") == "index" else ()
    for index in units.indices or (spec.terms[0].unit.index,):
        if units.indices:
            first.index = index
        data = b"" if whole else target.SerializeToString(deterministic=True)
        text, label = shown(target), labels[index] if labels else ""
        named = (text, first.model, first.tap, index, label, spec.method, spec.prior, *spec.size)
        for seed in range(spec.seed, spec.seed + part.seeds):
            yield Picture(setting, data, seed, *named)


def _setting(filled: Request, digests: Mapping[str, str], *, whole: bool) -> Setting:
    """What pictures with a complete request have in common; `whole`: their target, too."""
    common = type(filled).FromString(filled.SerializeToString())
    common.ClearField("seed")
    if not whole:
        common.ClearField("target")
    return Setting(space.OF_REQUEST[type(filled)].recipe, common.SerializeToString(deterministic=True), digests)


def shown(target: Target) -> str:
    """A target as people write it."""
    return "+".join(_shown(term) for term in target.terms)


def _shown(term: Term) -> str:
    unit, kind = term.unit, term.unit.WhichOneof("unit")
    name = str(unit.index) if kind == "index" else f"[{kind}]"
    place = f"@{unit.position.y},{unit.position.x}" if unit.HasField("position") else ""
    weight = f"{term.weight:g}*" if term.HasField("weight") and term.weight != 1 else ""
    return f"{weight}{unit.model}:{unit.tap}:{name}{place}"


def _title(asked: Asked) -> str:
    """What is drawn, in a line."""
    parts = asked.parts
    aims = list(dict.fromkeys(map(_aim, parts)))
    methods = list(dict.fromkeys(part.spec.method for part in parts))
    seeds = max(part.seeds for part in parts)
    shown_aims = ", ".join(aims[:_SHOWN]) + (f" and {len(aims) - _SHOWN} more" if len(aims) > _SHOWN else "")
    beside = "".join(dict.fromkeys(f"; {one.title}" for one in asked.looks))
    return f"{shown_aims}: {', '.join(methods[:_SHOWN])}{f', {seeds} seeds' if seeds > 1 else ''}{beside}"


def _aim(part: Checked) -> str:
    units = part.units
    if units.card is None or units.tap is None:
        return next(_pictures(part)).text  # as asked for, it may have labels, and lack weights
    place = f"{units.card.name}:{units.tap.name}"
    if len(units.indices) == units.tap.shape[0]:
        return place
    return f"{place}:{units.indices[0]}" if len(units.indices) == 1 else f"{len(units.indices)} units of {place}"
