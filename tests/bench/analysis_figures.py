"""Figures of looking at photographs: occlusion and indexing against plain loops, projections against Captum's."""

import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from dgnam_models import Network, image_set, indexing, rgb
from dgnam_models.nets._blocks import PoolReLU
from dgnam_server.analysis.occlusion import CELLS, SQUARES, Square
from dgnam_server.analysis.projection import Wanted
from dgnam_server.engine.builder import Builder, OcclusionSpec, ProjectionSpec
from measuring import Bench, Figures
from PIL import Image
from step_figures import target_of
from torch import Tensor, nn


def measure(bench: Bench) -> Figures:
    """Those of one photograph, and those of indexing many."""
    return {**of_one(bench), **of_many(bench)}


def of_one(bench: Bench) -> Figures:
    """Occlusion: places of the square per second, in batches and in a plain loop over the same network in plain float32, which reads the
    same two taps; projections: deconvnets per second of a batch, and Captum's of the same pictures and units one by one, as it is used.
    """
    served, plain = bench.models(), bench.reference()
    builder, network = Builder(served, bench.device), target_of(plain)
    size, rows = network.input_size, max(bench.sizes)
    random = torch.Generator().manual_seed(0)
    pictures = [torch.rand(*size, 3, generator=random).numpy() for _ in range(rows)]
    tap, output = [tap.name for tap in network.card.taps if len(tap.shape) == 3][-1], network.card.output_tap
    square = Square(round(max(size) / SQUARES), max(1, max(size) // CELLS))
    occlusion = builder.occlusion(OcclusionSpec(pictures[:1], network.name, tap, None, None, square))
    projection = builder.projection(ProjectionSpec(pictures, network.name, output, None, Wanted(0), "deconvnet", {}))
    works: dict[str, tuple[int, Callable[[], object]]] = {
        "occlusion_places_per_s": (occlusion.rows, lambda: run(occlusion, rows)),
        "plain_loop_places_per_s": (occlusion.rows, lambda: plain_loop(network, pictures[0], occlusion.boxes, (tap, output))),
        "projections_per_s": (rows, lambda: run(projection, rows)),
    }
    if find_spec("captum") is not None:
        images = torch.stack([torch.from_numpy(picture).permute(2, 0, 1) for picture in pictures]).to(bench.device)
        works["captum_projections_per_s"] = (rows, lambda: captum_loop(network, images))
    for _, work in works.values():
        work()
    times = bench.side_by_side("photographs", *[work for _, work in works.values()])
    figures = {name: count / sorted(seconds)[len(seconds) // 2] for (name, (count, _)), seconds in zip(works.items(), times, strict=True)}
    figures["occlusion_times_plain_loop"] = figures["occlusion_places_per_s"] / figures["plain_loop_places_per_s"]
    if "captum_projections_per_s" in figures:
        figures["projections_times_captum"] = figures["projections_per_s"] / figures["captum_projections_per_s"]
    return figures


def of_many(bench: Bench) -> Figures:
    """Photographs indexed per second, all taps of the target's network, as `dgnam-models index` does it; and a plain loop of the same
    network over the same files, which decodes and shows one after the other and ranks them all at the end.
    """
    plain = target_of(bench.reference())
    count = 4 * max(bench.sizes)
    random = torch.Generator().manual_seed(0)
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(count):
            pixels = torch.randint(0, 256, (*plain.input_size, 3), dtype=torch.uint8, generator=random)
            Image.fromarray(pixels.numpy()).save(folder / f"{number:05}.jpg")
        images = image_set.find([folder])
        wanted = indexing.plan(plain, images, strongest=min(9, count))
        places = iter(range(10**6))
        works: list[Callable[[], object]] = [
            lambda: indexing.build(plain, images, wanted, folder / f"index{next(places)}", progress=False),
            lambda: plain_ranking(plain, sorted(folder.glob("*.jpg")), wanted.strongest),
        ]
        for work in works:
            work()
        indexed, looped = (sorted(seconds)[len(seconds) // 2] for seconds in bench.side_by_side("indexing", *works))
    return {
        "photographs_indexed_per_s": count / indexed,
        "plain_loop_photographs_per_s": count / looped,
        "indexing_times_plain_loop": looped / indexed,
    }


@torch.no_grad()
def plain_ranking(network: Network, files: Sequence[Path], count: int) -> dict[str, Any]:
    """The strongest photographs of each unit of every tap, one photograph after the other."""
    taps = [tap.name for tap in network.card.taps]
    peaks: dict[str, list[Tensor]] = {tap: [] for tap in taps}
    for file in files:
        with Image.open(file) as picture:
            pixels = torch.from_numpy(rgb.fitted(picture, network.input_size).copy())
        image = pixels.permute(2, 0, 1)[None].to(network.preprocess.mean.device).float() / 255
        for tap, value in network.activations(image, taps).items():
            peaks[tap].append(value[0].flatten(1).max(1).values if value.ndim == 4 else value[0])
    return {tap: torch.stack(values).topk(count, dim=0) for tap, values in peaks.items()}


def run(work: Any, rows: int) -> None:
    """All rows of a work through a lane of its own, so many at once."""
    lane = work.open()
    waiting = list(range(work.rows))
    while waiting or len(lane):
        while waiting and len(lane) < rows:
            lane.join(0, work, waiting.pop(0))
        lane.step(tell=False)


@torch.no_grad()
def plain_loop(network: Network, picture: Any, boxes: Any, taps: tuple[str, str]) -> list[tuple[float, float]]:
    """The strongest map's sum and the likeliest class's probability, for one place of the square after the other."""
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].to(network.preprocess.mean.device)
    found, unit, class_ = [], None, None
    for box in boxes:
        hidden = image.clone()
        if box is not None:
            hidden[:, :, box[0] : box[2], box[1] : box[3]] = 0.5
        seen = network.activations(hidden, taps)
        sums, shares = seen[taps[0]].clamp(min=0).sum((2, 3))[0], seen[taps[1]].softmax(1)[0]
        if unit is None:
            unit, class_ = int(sums.argmax()), int(shares.argmax())
        found.append((float(sums[unit]), float(shares[class_])))
    return found


class Logits(nn.Module):
    """A network as Captum wants it: ReLUs that are modules, and nothing but the class units for an answer."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        for name, part in list(network.module.named_modules()):
            if isinstance(part, PoolReLU):
                parent = network.module.get_submodule(name.rpartition(".")[0])
                setattr(parent, name.rpartition(".")[2], nn.Sequential(nn.MaxPool2d(2), nn.ReLU()))

    def forward(self, image: Tensor) -> Tensor:
        return self.network.logits(image)


def captum_loop(network: Network, images: Tensor) -> None:
    """Captum's deconvolution of each picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import Deconvolution

        deconvolution = Deconvolution(Logits(network))
        for image in images:
            deconvolution.attribute(image[None].clone().requires_grad_(), target=0)
