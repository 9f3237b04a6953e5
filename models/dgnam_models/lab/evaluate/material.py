"""Material: what `evaluate` measures. Models, the pictures that a server drew with them, and photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from dgnam_client import Client

import dgnam_models
from dgnam_models import photographs
from dgnam_models.card import ModelCard
from dgnam_models.errors import StudyError
from dgnam_models.lab.evaluate import contestants, quality
from dgnam_models.lab.evaluate.drawing import connected
from dgnam_models.lab.evaluate.quality import Seen
from dgnam_models.lab.evaluate.settings import Settings, problems
from dgnam_models.network import Generator, Network
from dgnam_models.photographs import Files, Photographs
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.preprocess import FITS, Fit, centre_crop, crop_or_enlarge


@dataclass(frozen=True)
class Models:
    """The models, loaded."""

    target: Network
    judges: tuple[Network, ...]
    generators: Mapping[str, Generator]
    encoders: Mapping[str, Network]  # by their generators' names
    quick: tuple[Network, ...] = ()  # the judges, for very many photographs: in bfloat16; none where that is not faster

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that look at pictures."""
        return tuple({network.name: network for network in (self.target, *self.judges)}.values())

    @property
    def fit(self) -> Fit:
        """How the priors' pictures reach networks of another size."""
        return FITS[next(iter(self.generators.values())).card.fit]

    def shown(self, images: Photographs) -> Photographs:
        """The middle of images that are larger than the target takes them, so much of it as that, where they are not made smaller."""
        if self.fit is not crop_or_enlarge:
            return images
        height, width = (min(sides) for sides in zip(images.pixels.shape[2:], self.target.input_size, strict=True))
        return Photographs(centre_crop(images.pixels, (height, width)), images.labels, images.names)

    @property
    def cards(self) -> dict[str, ModelCard]:
        """The cards of all, by name."""
        cards = [model.card for models in (self.networks, self.generators.values(), self.encoders.values()) for model in models]
        return {card.name: card for card in cards}


@dataclass(frozen=True)
class Material:
    """What is measured: each contestant's pictures, `each` of every unit, and photographs of the units' classes, None if not given.

    Photographs are as large as the priors draw; pictures are as the target is shown them.
    """

    models: Models
    device: torch.device
    each: int
    pictures: Mapping[str, Photographs]
    held_out: Photographs | None
    training: Files | None
    report: Mapping[str, Any]  # what the report says of it
    sheet: int | None = None  # pictures on a sheet without names; None: all

    def seen(self, images: Photographs, networks: Sequence[Network], what: str) -> Seen:
        """Images, as the priors' pictures reach the target, and what `networks` make of them."""
        return quality.seen(self.models.shown(images), networks, self.models.fit, self.device, what)


def gather(settings: Settings) -> Material:
    """Draw the pictures and read the photographs.

    Raises:
        StudyError: the settings, the server or the photographs cannot be used; one problem a line.
        DataError, CardError: photographs or models cannot be read.
    """
    _refuse(problems(settings))
    device = torch.device(settings.device)
    with connected(settings.server, settings.models, settings.device) as client:
        methods = client.methods()
        priors = list(dict.fromkeys(settings.prior)) or [_made_for(settings) or methods.default_prior]
        settings = replace(settings, prior=priors, pixels=list(dict.fromkeys(settings.pixels)))
        _refuse([*problems(settings), *contestants.not_in_pixels(settings.pixels, methods)])
        models = _load(settings, device)
        units = contestants.units(settings.units, models.target)
        _refuse(_strangers(models, units))
        _refuse(_differing(client, models))
        size = next(iter(models.generators.values())).image_size[0]
        held_out = photographs.read(settings.val, size, settings.val_limit) if settings.val else None
        training = photographs.files(settings.data, size, settings.data_limit) if settings.data else None
        if held_out is not None:
            held_out = quality.of_units(held_out, models.target.card.labels)
            if settings.units:
                held_out = held_out.take(torch.isin(held_out.labels, torch.tensor(units)).nonzero().flatten())
            _refuse(_too_few(held_out, settings.seeds))
        drawing = contestants.of(settings)
        asked = contestants.Asked(units, settings.seeds, settings.out / "pictures")
        server = client.server_info()
        options = {one.name: contestants.filled_in(one, methods, models.cards) for one in drawing}
        pictures = {}
        for one in drawing:
            request = {
                "options": options[one.name],
                "models": _digests(one, models),
                "server": server.version,
                "precision": server.precision,
            }
            pictures[one.name] = models.shown(contestants.drawn(client, one, models.target, asked, request))
        report = {
            "settings": asdict(settings),
            "versions": server.versions,
            "contestant_options": options,
            "units": len(units),
            "units_with_photographs": 0 if held_out is None else len(held_out.labels.unique()),
            "photographs": {"held_out": len(held_out or ()), "trained_on": len(training or ())},
        }
    return Material(models, device, settings.seeds, pictures, held_out, training, report, settings.sheet)


def _digests(contestant: contestants.Contestant, models: Models) -> dict[str, str]:
    """The weights that decide how a contestant's pictures look."""
    cards = [models.target.card] + ([] if contestant.pixels else [models.generators[contestant.name].card])
    return {card.name: card.sha256 for card in cards}


def _made_for(settings: Settings) -> str | None:
    """The first prior, by name, that inverts the target's own codes: the one that a server would take."""
    cards = dgnam_models.cards(settings.models)
    return min((name for name, card in cards.items() if card.code is not None and card.code.encoder == settings.target), default=None)


def _load(settings: Settings, device: torch.device) -> Models:
    loaded: dict[str, Network | Generator] = {}

    def load(name: str) -> Any:
        if name not in loaded:
            loaded[name] = dgnam_models.load(name, device, settings.models)
        return loaded[name]

    generators = {name: load(name) for name in settings.prior}
    encoders = {name: _encoder(load(generator.card.code.encoder), generator) for name, generator in generators.items()}
    judges = list(dict.fromkeys(settings.judge))
    quick: list[Any] = []
    if settings.data and has_fast_bfloat16(device):
        quick = [dgnam_models.load(name, device, settings.models, torch.bfloat16) for name in judges]
    return Models(load(settings.target), tuple(map(load, judges)), generators, encoders, tuple(quick))


def _encoder(network: Network, generator: Generator) -> Network:
    """The generator's encoder, at the size at which that sees pictures."""
    assert generator.card.code is not None
    size = generator.card.code.encoder_size
    return network.at((size[0], size[1])) if size else network


def _strangers(models: Models, units: Sequence[int]) -> list[str]:
    """Judges that know none of what is drawn."""
    names = {models.target.card.labels[unit] for unit in units}
    return [
        f"--judge: {judge.name} has none of these units; name other judges" for judge in models.judges if not names & set(judge.card.labels)
    ]


def _differing(client: Client, models: Models) -> list[str]:
    """The server's pictures are judged with the models at hand, so those that draw must be the same."""
    drawing = [models.target.card, *(generator.card for generator in models.generators.values())]
    return [
        f"--server: its {card.name} is not the one here; give the server's packs to --models"
        for card in drawing
        if client.model(card.name).digest != card.sha256
    ]


def _too_few(held_out: Photographs, each: int) -> list[str]:
    """What the sets of photographs that are compared would lack."""
    if not len(held_out):
        return ["--val: none of its classes is a unit of the target"]
    counts = held_out.labels.bincount(minlength=len(held_out.names))
    short = [f"{held_out.names[i]} ({n})" for i, n in enumerate(counts.tolist()) if 0 < n < 2 * each]
    found = []
    if short:
        found.append(f"--val: two sets of {each} photographs of each class are compared, and too few are of {', '.join(short)}")
    if int((counts > 0).sum()) * each <= quality.NEIGHBOURS:
        found.append(f"--val, --seeds: precision and recall need sets of more than {quality.NEIGHBOURS} images")
    return found


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise StudyError("\n".join(found))
