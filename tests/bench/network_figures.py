"""Figures of the networks that people use, at the size they take: a notebook's plain loop, torch-lucent and ours, side by side."""

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

import dgnam_models
import torch
from dgnam_client import Client
from dgnam_models import Generator, Network, NotInstalled, Preprocessing
from dgnam_models.network import folded
from dgnam_models.weight_layout import lay_out_
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.kinds.synthesis import SynthesisLane
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.parts.redirected_relu import REDIRECTED_STEPS
from dgnam_server.synth.spec import Balance, Fit, SynthesisSpec, Term, Unit
from measuring import Bench, Figures
from peer_figures import lucent
from service_cost import Beside
from service_figures import draw, serving
from step_figures import advance, limit_ms
from torch.nn.functional import interpolate

PACKAGED = ("efficientnet-lite0",)
TORCHVISION = ("resnet50", "vgg16", "vit_b_16")
WITH_PRIOR, ON_PIXELS = "dgn-am", ("lucid", "pyramid")
ROWS = (1, 4, 16)
IMAGENET = Preprocessing((224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@dataclass(frozen=True, eq=False)
class Pair:
    """A network in plain float32, as a notebook has it, and as a server has it."""

    plain: Network
    served: Network


def measure(bench: Bench) -> Figures:
    """Milliseconds per picture and step, by network and method; a network whose package is missing is left out.

    `plain`: gradients of everything, float32, one picture after another, no view transformed and nothing regularized, so less work than
    ours; `lucent`: torch-lucent with its own transforms; the numbers: our lane with so many rows; `limit`: its multiplications alone.
    Of networks with weights also as many requests at once through gRPC, and what part of the throughput client, gRPC and engine cost.
    """
    figures: dict[str, float] = {}
    bench = replace(bench, timed_steps=max(1, bench.timed_steps // 3))  # a step of these takes ten times that of the small ones
    loaded = bench.models()
    for pair in networks(bench, loaded.dtype):
        name = pair.served.name
        models = replace(loaded, networks={**loaded.networks, name: pair.served}, settled=False)
        works: dict[str, Callable[[], object]] = {
            f"{name}_{WITH_PRIOR}_plain": plain_loop(bench, pair.plain, prior_of(bench, models, name)),
            f"{name}_pixels_plain": plain_loop(bench, pair.plain, None),
        }
        if find_spec("lucent") is not None:
            works[f"{name}_lucid_lucent"] = lambda plain=pair.plain: lucent(plain, bench.timed_steps)
        rows = dict.fromkeys(works, 1)
        for method in (WITH_PRIOR, *ON_PIXELS):
            for count in ROWS:
                lane = lane_of(models, name, method, count)
                works[key := f"{name}_{method}_{count}"] = lambda lane=lane: advance(lane, bench.timed_steps)
                rows[key] = count
        for work in works.values():
            work()  # what only the first run does is not measured
        times = bench.side_by_side(name, *works.values())
        for (key, count), seconds in zip(rows.items(), times, strict=True):
            figures[f"{key}_ms"] = 1000 * statistics.median(seconds) / bench.timed_steps / count
        figures[f"{name}_{WITH_PRIOR}_limit_ms"] = limit_ms(bench, partial(lane_of, models, name, WITH_PRIOR), ROWS)
        if name in PACKAGED:
            figures |= through_grpc(bench, models, name)
    return figures


def through_grpc(bench: Bench, models: Catalog, name: str) -> Figures:
    """Milliseconds per picture and step of so many requests at once, of as many steps as they have by default; and what client, gRPC and
    engine cost of that, see `Beside.cost`.

    Draws to start from are left out: the server looks at them once, whoever asks. As many rows share a batch as the lane has: a server that
    measures how many should would do so while the lane is timed.
    """
    figures: dict[str, float] = {}
    network, prior = models.networks[name], models.prior_for([name])
    method = METHODS[WITH_PRIOR]
    steps = min(bench.steps, int(method.settings({}, method.card_defaults(models.generators[prior].card))["steps"]))
    units = [f"{name}:{network.card.output_tap}:{index}" for index in range(max(ROWS))]
    options = {"method": WITH_PRIOR, "prior": prior, "start_draws": 0}
    settings = {"only": sorted({name, prior, bench.prior}), "batch_rows": max(ROWS), "max_batch_rows": max(ROWS)}
    with serving(bench, **settings) as server, Client(server.address, synthesis_timeout=3600) as client:
        for count in ROWS:
            lane, part = lane_of(models, name, WITH_PRIOR, count), math.ceil(steps / 4)
            beside = Beside(server, partial(advance, lane, part), part, partial(draw, client, units, count, steps, **options), steps)
            advance(lane, 2)
            draw(client, units, count, 2, **options)
            seconds, costs = beside.cost(bench, f"{name}, {count} requests", bench.repeats + 2)
            figures[f"{name}_{WITH_PRIOR}_grpc_{count}_ms"] = 1000 * seconds / steps / count
            figures |= {f"{name}_{WITH_PRIOR}_service_{cost}_{count}": value for cost, value in costs.items()}
    return figures


def networks(bench: Bench, dtype: torch.dtype) -> Iterator[Pair]:
    """Those with weights in a package, and torchvision's with random weights, which take as long as trained ones."""
    for name in PACKAGED:
        try:
            plain, served_ = (dgnam_models.load(name, bench.device, bench.packs, one) for one in (torch.float32, dtype))
        except NotInstalled:
            continue
        assert isinstance(plain, Network) and isinstance(served_, Network)
        yield Pair(plain, lay_out_(served_))
    if find_spec("torchvision") is None:
        return
    from dgnam_models.nets import torchvision

    for name in TORCHVISION:
        module = torchvision.models().get_model(name, weights=None)
        if name.startswith("vit"):  # torchvision begins with a last layer of zeros, through which no gradient goes
            torch.nn.init.normal_(module.heads.head.weight)
        plain, fast = (Network.of(module, name, IMAGENET) for _ in range(2))  # copies of it
        fast = Network(fast.card, folded(fast.module, IMAGENET), dtype).eval().to(device=bench.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        yield Pair(plain.to(bench.device), lay_out_(fast))


def prior_of(bench: Bench, models: Catalog, name: str) -> Generator:
    """The prior that a request for the network gets, in plain float32."""
    prior = dgnam_models.load(models.prior_for([name]), bench.device, bench.packs)
    assert isinstance(prior, Generator)
    return prior


def plain_loop(bench: Bench, network: Network, prior: Generator | None) -> Callable[[], None]:
    """Steps of one picture as a notebook writes them; without a prior they are Adam's on the pixels."""
    for model in (network, prior):
        if model is not None:
            model.requires_grad_(True)

    def work() -> None:
        shape = (1, 3, *network.input_size) if prior is None else (1, prior.code_size)
        code = torch.rand(shape, device=bench.device, requires_grad=True)
        optimizer = torch.optim.Adam([code], lr=0.05)
        for _ in range(bench.timed_steps):
            optimizer.zero_grad()
            image = code if prior is None else interpolate(prior(code), network.input_size, mode="bilinear")
            activation = network.logits(image)[0, 0]
            (-activation).backward()
            optimizer.step()
            activation.item()  # a notebook prints it

    return work


def lane_of(models: Catalog, name: str, method_name: str, rows: int) -> SynthesisLane:
    """A lane with so many rows of the network's first units that never end."""
    method, network = METHODS[method_name], models.networks[name]
    prior = models.prior_for([name]) if method.draws_with_a_generator else ""
    settings = method.settings({}, method.card_defaults(models.generators[prior].card) if prior else {})
    first = ("start_draws", REDIRECTED_STEPS)  # a step like nearly all others is timed, and not what goes before it
    settings |= {"steps": 10**5} | {name: 0 for name in first if name in settings}
    builder, size = Builder(models, network.preprocess.mean.device), (0, 0) if prior else network.input_size
    works = []
    for row in range(rows):
        terms = (Term(Unit(name, network.card.output_tap, row)),)
        works.append(builder.synthesis(SynthesisSpec(terms, Balance.NONE, prior, method.name, settings, row, size=size, fit=Fit.RESIZE)))
    lane = works[0].open()
    for row, work in enumerate(works):
        lane.join(row, work, 0)
    return lane
