"""JobAnalyses -> what is shown of each unit beside its pictures, as pictures of the job, checked, with all defaults filled in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dgnam_models import Network
from dgnam_models.card import Tap
from dgnam_models.exemplars import ExemplarIndex
from dgnam_proto.v1.analysis_pb2 import ExemplarsRequest, OccludeRequest
from dgnam_proto.v1.jobs_pb2 import JobAnalyses

from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import OcclusionSpec, ProjectionSpec
from dgnam_server.jobs.plan import Picture, Setting
from dgnam_server.rpc import exemplars, lookup, occlude, places
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.recipe import strictness

EXEMPLAR, PROJECTION, OCCLUSION = "exemplar", "projection", "occlusion"  # kinds of settings, beside those of syntheses
KINDS = (EXEMPLAR, PROJECTION, OCCLUSION)
_LEFT_OUT = {"exemplars": {"place", "priority", "queue_timeout_s"}, "occlusion": {"images", "places", "priority", "queue_timeout_s"}}


@dataclass(frozen=True)
class Wanted:
    """Analyses of a kind: of the strongest `count` photographs each, by a `method`."""

    setting: Setting
    method: str
    count: int


@dataclass(frozen=True, eq=False)
class Looks:
    """What is shown of some units of a tap."""

    network: Network
    tap: Tap
    units: Sequence[int]
    wanted: Sequence[Wanted]

    @property
    def count(self) -> int:
        """How many pictures that is."""
        return len(self.units) * sum(one.count for one in self.wanted)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return ", ".join(f"{one.count} {one.method}" if one.setting.kind != PROJECTION else one.method for one in self.wanted)

    def pictures(self) -> Iterator[Picture]:
        """All of them, unit by unit; their seeds are the photographs' ranks."""
        name, tap, size = self.network.name, self.tap.name, self.network.input_size
        labels = lookup.labels_of(self.network.card, self.tap)
        for unit in self.units:
            target = places.message(name, tap, unit).SerializeToString(deterministic=True)
            text, label = f"{name}:{tap}:{unit}", labels[unit] if labels else ""
            for one in self.wanted:
                for rank in range(1, one.count + 1):
                    yield Picture(one.setting, target, rank, text, name, tap, unit, label, one.method, "", *size)


def read(reader: Reader, message: JobAnalyses, units: Mapping[tuple[str, str], Collection[int]]) -> list[Looks]:
    """Return the request for analyses of these units, by network and tap, checked; what is wrong with it, the reader is told."""
    for name, fields in _LEFT_OUT.items():
        given = {field.name for field, _ in getattr(message, name).ListFields()}
        for field in sorted(given & fields):
            reader.at(name).at(field).invalid("the job's targets say what is looked at, and nobody waits for it: leave it out")
    if not message.HasField("exemplars"):
        reader.at("exemplars").invalid("it is required: what is shown of a unit is shown of its strongest photographs")
    if message.HasField("occluded") and not message.HasField("occlusion"):
        reader.at("occluded").invalid("it goes with occlusion: add that, or leave it out")
    if reader.violations:
        return []
    found = [_looks(reader, message, model, tap, list(some)) for (model, tap), some in units.items()]
    return [one for one in found if one is not None]


def obstacle(catalog: Catalog, network: str, index: str, digest: str) -> str:
    """Why photographs of an index cannot be shown here; empty: they can."""
    there = next((one for one in catalog.indices.of.get(network, ()) if one.name == index), None)
    if there is None:
        return f"the index {index} of {network} is not here: start the server with --indices FOLDER"
    return "" if there.content == digest else f"the index {index} of {network} is another here than the one that the job was begun with"


def _looks(reader: Reader, message: JobAnalyses, model: str, tap: str, units: Sequence[int]) -> Looks | None:
    """What is shown of units of one tap, the first of which stands for all; None where something is not right."""
    own = Reader(reader.catalog, reader.limits, reader.path)
    place = places.message(model, tap, units[0])
    asked = ExemplarsRequest.FromString(message.exemplars.SerializeToString())
    asked.place.CopyFrom(place)
    shown = exemplars.fields(own.at("exemplars"), asked)
    covering = None
    if message.HasField("occlusion"):
        squares = OccludeRequest.FromString(message.occlusion.SerializeToString())
        squares.places.append(place)
        covering = occlude.fields(own.at("occlusion"), squares, 1)
    occluded = message.occluded if message.HasField("occluded") else 1
    if shown is not None:
        own.at("occluded").within(occluded, 1, len(shown.exemplars), "an integer")
    for violation in own.violations:  # the same of each tap is told once; the place is the job's to say
        at, _, _ = violation.field.partition(".place")
        moved = replace(violation, field=at)
        if moved not in reader.violations:
            reader.violations.append(moved)
    if own.violations or shown is None:
        return None
    return Looks(shown.network, shown.tap, units, list(_wanted(shown, covering, occluded)))


def _wanted(shown: exemplars.Shown, covering: OcclusionSpec | None, occluded: int) -> Iterator[Wanted]:
    index, count = shown.index, len(shown.exemplars)
    bare = ExemplarsRequest(index=index.name, project=False)
    yield Wanted(_setting(EXEMPLAR, JobAnalyses(exemplars=bare), index), "exemplars", count)
    if shown.projection is not None:
        projecting = JobAnalyses(exemplars=_projecting(index.name, shown.projection))
        yield Wanted(_setting(PROJECTION, projecting, index), shown.projection.method, count)
    if covering is not None:
        square = covering.square
        squares = OccludeRequest(size=square.size, stride=square.stride, colour=square.colour, determinism=strictness(covering.strict))
        yield Wanted(_setting(OCCLUSION, JobAnalyses(exemplars=bare, occlusion=squares), index), "occlusion", occluded)


def _projecting(index: str, spec: ProjectionSpec) -> ExemplarsRequest:
    settings, determinism = spec.settings, strictness(spec.strict)
    return ExemplarsRequest(index=index, project=True, method=spec.method, options=settings, layer=spec.layer, determinism=determinism)


def _setting(kind: str, request: JobAnalyses, index: ExemplarIndex) -> Setting:
    """What analyses of a kind have in common; which photographs there are is as much of them as the weights are."""
    header = index.header
    models = {header.network: header.digest, f"{header.network}/{index.name}": index.content}
    return Setting(kind, request.SerializeToString(deterministic=True), models)
