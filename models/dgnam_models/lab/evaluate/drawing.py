"""Pictures from a server, with a progress bar, as the tensors and PIL images that studies work on."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dgnam_client import Client, DgnamError, Event, Result, local_server
from dgnam_client import contact_sheet as contact_sheet  # studies' sheets are the client's
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dgnam_models.errors import StudyError

OnImage = Callable[[int, Tensor], None]


@dataclass(frozen=True)
class Pictures:
    """N pictures: `images` (N, 3, H, W) float32 RGB in [0, 1], clipped; `activations` (N,): the target's, as the server reports them."""

    images: Tensor
    activations: Tensor

    def __len__(self) -> int:
        return len(self.images)


@contextmanager
def connected(
    server: str | None, packs: Sequence[Path], device: str | None = None, indices: Sequence[Path] = (), only: Sequence[str] | None = None
) -> Iterator[Client]:
    """A client of the server at address `server`, or of one started here, with `packs` and `indices`, for the length of the block.

    Args:
        only: the models that a server started here loads; None: all.

    Raises:
        StudyError: the server is not there, or refuses something in the block.
    """
    try:
        with Client(server) if server is not None else _started(packs, device, indices, only) as client:
            yield client
    except DgnamError as error:
        raise StudyError(str(error)) from error


@contextmanager
def _started(packs: Sequence[Path], device: str | None, indices: Sequence[Path], only: Sequence[str] | None) -> Iterator[Client]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"models": packs, "device": device, "state_dir": folder / "state", "indices": indices, "only": only}
        with (
            local_server(folder, timeout=600, **settings) as started,  # many models, perhaps a busy machine: rather wait
            Client(started.address) as client,
        ):
            yield client


def draw(
    client: Client,
    targets: Sequence[Any],
    label: str,
    variants: int = 1,
    concurrency: int = 32,
    pixels: bool = False,
    on_image: OnImage | None = None,
    **options: Any,
) -> Pictures:
    """Draw `variants` pictures of each target (seeds `seed`, `seed + 1`, ...); a target's variants lie one after another.

    Args:
        targets: as `Client.synthesize` takes one, each.
        label: what the progress bar says.
        pixels: without a prior, by `Client.synthesize_pixels`.
        on_image: called with a target's index and its image (3, H, W) as soon as it is drawn.
        options: the options of `Client.synthesize`, or of `Client.synthesize_pixels`, the same for all.

    Raises:
        StudyError: the server refused or failed at one of them.
    """
    synthesize_many = client.synthesize_pixels_many if pixels else client.synthesize_many
    with tqdm(total=len(targets), desc=label, disable=None) as bar:

        def show(index: int, event: Event) -> None:
            if isinstance(event, Result):
                bar.update(1 / variants)
                if on_image is not None:
                    on_image(index, torch.from_numpy(event.array).permute(2, 0, 1))

        outcomes = synthesize_many(targets, variants=variants, on_progress=show, concurrency=concurrency, timeout=float("inf"), **options)
    results: list[Result] = []
    for target, outcome in zip(targets, outcomes, strict=True):
        if isinstance(outcome, DgnamError):
            raise StudyError(f"{target}: {outcome}") from outcome
        results += outcome if isinstance(outcome, list) else [outcome]
    images = torch.from_numpy(np.stack([result.array for result in results])).permute(0, 3, 1, 2).clamp(0, 1)
    return Pictures(images.contiguous(memory_format=torch.channels_last), torch.tensor([result.activation for result in results]))


def as_pil(images: Tensor) -> list[Image.Image]:
    """Images (N, 3, H, W) in [0, 1] as PIL pictures."""
    return [Image.fromarray(image.numpy()) for image in (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu()]
