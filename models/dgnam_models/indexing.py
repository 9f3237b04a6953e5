"""Indexing: show a network an image set once, and keep each unit's strongest photographs and percentiles.

Rules: all taps in one pass; photographs are decoded beside the network; what is done is on the disk every few seconds and when it stops,
so that the same call goes on from there; and the index comes out the same, however often it was stopped.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from dgnam_models import __version__, exemplars, rgb
from dgnam_models.card import Tap, whole
from dgnam_models.errors import ExemplarError, UsageError
from dgnam_models.exemplars import DIGEST_BYTES, HEADER, NAMES, PERCENTS, PLAN, ExemplarIndex, Header
from dgnam_models.image_set import ImageSet, Read
from dgnam_models.network import Network
from dgnam_models.strongest import Strongest

STRONGEST = 9
# Photographs whose activations percentiles are of: at so many, a percentile is off by less than one in a hundred.
SAMPLED = 4096
BATCH_ROWS, BATCH_BYTES = 64, 2**28  # photographs shown together: at most so many, with activations of at most so many bytes
SAVED_S = 15.0
STATE, SAMPLE = "partial.safetensors", "partial.npy"
GOOD, SMALL, UNREADABLE = 1, 2, 3
PARTS = ("values", "photographs", "positions")


@dataclass(frozen=True, eq=False)
class Shown:
    """A photograph's file as the network is to see it: `pixels` (H, W, 3) uint8; None: it is left out, being small or unreadable."""

    digest: bytes
    kind: int
    pixels: np.ndarray | None = None


def plan(network: Network, images: ImageSet, taps: Sequence[str] = (), strongest: int = STRONGEST, enlarge: bool = False) -> Header:
    """The header of an index to be built.

    Args:
        taps: whose units; none: all taps'.
        strongest: how many photographs are kept of each unit.
        enlarge: whether photographs with fewer pixels than the network takes are enlarged; else they are left out.

    Raises:
        UsageError: the network has no such tap, or there are fewer photographs than are to be kept.
    """
    card = network.card
    if unknown := [name for name in taps if name not in [tap.name for tap in card.taps]]:
        raise UsageError(f"{card.name} has no tap {', '.join(unknown)}; `dgnam-models show {card.name}` lists its taps")
    if not 1 <= strongest <= len(images):
        raise UsageError(f"{strongest} photographs of each unit cannot be kept of {len(images)}: ask for 1 to {len(images)}")
    return Header(
        network=card.name,
        digest=card.sha256,
        size=network.input_size,
        taps=tuple(tap for tap in card.taps if not taps or tap.name in taps),
        strongest=strongest,
        enlarge=enlarge,
        sources=tuple(map(str, images.sources)),
        photographs=len(images),
        names_digest=exemplars.names_digest(images.names),
        versions={"dgnam": __version__, "torch": str(torch.__version__)},
    )


def build(network: Network, images: ImageSet, wanted: Header, folder: Path, progress: bool = True) -> ExemplarIndex:
    """Build the index that `wanted` plans in `folder`, or go on with it; one that is there already is only opened.

    Raises:
        ExemplarError: the folder holds another index, or too few photographs could be looked at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / HEADER).is_file():
        found = ExemplarIndex.open(folder)
        _check_same(folder, found.header, wanted)
        return found
    run = _Run.begin(folder, wanted, images)
    with _saved_at_the_end(run), images.reading() as read, tqdm(total=len(images), unit="photograph", disable=not progress) as bar:
        bar.update(run.done)
        saved = time.monotonic()
        for numbers, shown in _decoded(read, wanted, range(run.done, len(images)), _rows(wanted.taps)):
            run.take(network, numbers, shown)
            bar.update(len(shown))
            if time.monotonic() - saved > SAVED_S:
                run.save()
                saved = time.monotonic()
    run.finish()
    return ExemplarIndex.open(folder)


class _Run:
    """An index on its way: the strongest so far, and the sampled photographs' maxima and means on the disk."""

    def __init__(self, folder: Path, wanted: Header) -> None:
        self.folder, self.wanted, self.done = folder, wanted, 0
        self.best = {tap.name: Strongest.none(tap.shape[0], wanted.strongest) for tap in wanted.taps}
        self.kinds = np.zeros(wanted.photographs, np.uint8)
        chosen = torch.randperm(wanted.photographs, generator=torch.Generator().manual_seed(0))[:SAMPLED].sort().values
        self.sampled_at = {number: row for row, number in enumerate(chosen.tolist())}
        self.sample: np.ndarray
        self.digests: np.ndarray

    @classmethod
    def begin(cls, folder: Path, wanted: Header, images: ImageSet) -> "_Run":
        """A new run, or one that goes on with what the folder holds of it."""
        run = cls(folder, wanted)
        there = (folder / PLAN).is_file()
        if there:
            _check_same(folder, Header.read(folder / PLAN), wanted)
        else:
            with whole(folder / NAMES) as temporary:
                temporary.write_text(exemplars.as_json(images.names), encoding="utf-8")
        resumed = there and (folder / STATE).is_file()
        run.sample = _map(folder / SAMPLE, np.float32, (2, len(run.sampled_at), wanted.units), resumed)
        run.digests = _map(folder / "digests.npy", np.uint8, (wanted.photographs, DIGEST_BYTES), resumed)
        if resumed:
            run._load()
        elif not there:
            wanted.write(folder / PLAN)
        return run

    @torch.no_grad()
    def take(self, network: Network, numbers: Sequence[int], shown: Sequence[Shown]) -> None:
        """Show the network a batch of photographs."""
        for number, one in zip(numbers, shown, strict=True):
            self.digests[number] = np.frombuffer(one.digest, np.uint8)
            self.kinds[number] = one.kind
        good = [(number, one.pixels) for number, one in zip(numbers, shown, strict=True) if one.pixels is not None]
        if good:
            pixels = torch.from_numpy(np.stack([pixels for _, pixels in good])).to(network.preprocess.mean.device)
            found = network.activations(pixels.permute(0, 3, 1, 2).float() / 255, [tap.name for tap in self.wanted.taps])
            self._note([number for number, _ in good], found)
        self.done = numbers[-1] + 1

    def _note(self, numbers: Sequence[int], found: dict[str, Tensor]) -> None:
        peaks = {name: value.amax((2, 3)).cpu() if value.ndim == 4 else value.cpu() for name, value in found.items()}
        whole_numbers = torch.tensor(numbers, dtype=torch.int32)
        for name, best in self.best.items():
            best.take(found[name], peaks[name], whole_numbers)
        sampled = [(row, self.sampled_at[number]) for row, number in enumerate(numbers) if number in self.sampled_at]
        if sampled:
            rows, places = map(list, zip(*sampled, strict=True))
            means = {name: value[rows].mean((2, 3)).cpu() if value.ndim == 4 else peaks[name][rows] for name, value in found.items()}
            names = [tap.name for tap in self.wanted.taps]
            self.sample[0, places] = torch.cat([peaks[name][rows] for name in names], 1).numpy()
            self.sample[1, places] = torch.cat([means[name] for name in names], 1).numpy()

    def save(self) -> None:
        """Put all that is done on the disk."""
        self.sample.flush()  # type: ignore[attr-defined]
        self.digests.flush()  # type: ignore[attr-defined]
        state = {f"{name}.{part}": getattr(best, part) for name, best in self.best.items() for part in PARTS}
        with whole(self.folder / STATE) as temporary:
            save_file({**state, "kinds": torch.from_numpy(self.kinds)}, temporary, {"done": str(self.done)})

    def _load(self) -> None:
        with safe_open(self.folder / STATE, "pt") as state:
            self.done = int(state.metadata()["done"])
            self.kinds = state.get_tensor("kinds").numpy().copy()
            for name, best in self.best.items():
                for part in PARTS:
                    getattr(best, part).copy_(state.get_tensor(f"{name}.{part}"))

    def finish(self) -> None:
        """Write the index, its header last, and remove what was only needed on the way."""
        indexed, small, unreadable = (int((self.kinds == kind).sum()) for kind in (GOOD, SMALL, UNREADABLE))
        header = replace(self.wanted, indexed=indexed, small=small, unreadable=unreadable)
        if header.indexed < header.strongest:
            height, width = header.size
            why = f"{header.small} have fewer pixels than {header.network} takes ({width} x {height}): --enlarge takes them too"
            raise ExemplarError(f"of {header.photographs} photographs {why}; {header.unreadable} are damaged")
        order = [self.best[tap.name] for tap in header.taps]
        for part in PARTS:
            _save(self.folder / f"{part}.npy", torch.cat([getattr(best, part) for best in order]).numpy())
        _save(self.folder / "quantiles.npy", self._quantiles())
        self.digests.flush()  # type: ignore[attr-defined]
        header.write(self.folder / HEADER)
        del self.sample
        for name in (PLAN, STATE, SAMPLE):
            (self.folder / name).unlink(missing_ok=True)

    def _quantiles(self) -> np.ndarray:
        """(2, units, percents), each percentile a value that a photograph has: the least one that so many percent reach at most."""
        rows = [row for number, row in self.sampled_at.items() if self.kinds[number] == GOOD]
        if not rows:  # of many photographs most were left out
            raise ExemplarError("too few photographs could be looked at to tell percentiles")
        at = np.ceil(PERCENTS / 100 * (len(rows) - 1)).astype(np.int64)
        found = np.empty((2, self.wanted.units, len(PERCENTS)), np.float32)
        for which in range(2):
            for start in range(0, self.wanted.units, 512):  # so that what is sorted fits into memory
                part = torch.from_numpy(self.sample[which, rows, start : start + 512]).T.contiguous()
                found[which, start : start + 512] = part.sort(1).values[:, torch.from_numpy(at)].numpy()
        return found


@contextmanager
def _saved_at_the_end(run: _Run) -> Iterator[None]:
    """Whatever stops the run, what is done is kept."""
    try:
        yield
    except BaseException:
        run.save()
        raise


def _decoded(read: Read, wanted: Header, numbers: range, rows: int) -> Iterator[tuple[range, list[Shown]]]:
    """The photographs in batches, decoded by threads: while the network looks at one batch, the next two are made."""
    ahead: deque[tuple[range, list[Future[Shown]]]] = deque()
    # Batches begin at whole multiples, so that a run that was stopped has the batches of one that was not.
    starts = range(numbers.start, numbers.stop, rows)
    with ThreadPoolExecutor(thread_name_prefix="photographs") as pool:
        try:
            for start in starts:
                batch = range(start, min(start + rows, numbers.stop))
                ahead.append((batch, [pool.submit(_shown, read, wanted, number) for number in batch]))
                if len(ahead) > 2:
                    done, futures = ahead.popleft()
                    yield done, [future.result() for future in futures]
            while ahead:
                done, futures = ahead.popleft()
                yield done, [future.result() for future in futures]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _shown(read: Read, wanted: Header, number: int) -> Shown:
    try:
        data = read(number)
    except (OSError, KeyError):
        return Shown(bytes(DIGEST_BYTES), UNREADABLE)
    found = exemplars.digest(data)
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            sides = picture.size if picture.getexif().get(0x0112, 1) > 4 else picture.size[::-1]  # height and width, once upright
            if not wanted.enlarge and any(side < least for side, least in zip(sides, wanted.size, strict=True)):
                return Shown(found, SMALL)
            return Shown(found, GOOD, rgb.fitted(picture, wanted.size))
    except Exception:  # Pillow's decoders raise whatever damage makes them stumble over
        return Shown(found, UNREADABLE)


def _rows(taps: Sequence[Tap]) -> int:
    """Photographs in a batch."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES // (4 * sum(int(np.prod(tap.shape)) for tap in taps))))


def _check_same(folder: Path, found: Header, wanted: Header) -> None:
    """Raise ExemplarError unless an index is, or is to become, what is wanted."""
    planned = {"indexed", "small", "unreadable", "versions"}
    before, now = asdict(found), asdict(wanted)
    if differing := [name for name in before if name not in planned and before[name] != now[name]]:
        what = ", ".join("photographs" if name == "names_digest" else name for name in differing)
        raise ExemplarError(f"{folder} holds an index with other {what}: choose another folder, or delete it first")


def _map(path: Path, dtype: type, shape: tuple[int, ...], resumed: bool) -> np.ndarray:
    """An array in a file, new or as it is there."""
    if not resumed:
        return np.lib.format.open_memmap(path, "w+", dtype, shape)
    try:
        found = np.load(path, mmap_mode="r+", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ExemplarError(f"{path} cannot be read: {error}; delete the folder to begin anew") from error
    if found.shape != shape or found.dtype != dtype:
        raise ExemplarError(f"{path} is damaged: delete the folder to begin anew")
    return found  # type: ignore[no-any-return]


def _save(path: Path, array: np.ndarray) -> None:
    with whole(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
