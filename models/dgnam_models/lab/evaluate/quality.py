"""What pictures of a classifier's units are worth: one function per question, each asking networks that took no part in drawing.

Everywhere here, `Photographs` are images with their classes, drawn or real: an image's label is the index of its unit in the target
network, `names` are that network's labels. Drawn pictures are judged as their files have them, in 8 bits a channel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from dgnam_models.codes import encode
from dgnam_models.lab.evaluate import metrics
from dgnam_models.lab.train.losses.feature import feature_error
from dgnam_models.nets._blocks import Staged
from dgnam_models.network import Generator, Network
from dgnam_models.photographs import Photographs, batches
from dgnam_models.preprocess import Fit, crop_or_enlarge

NEIGHBOURS = 3  # k of precision and recall, as in the source
BATCH = 64  # images at a time; more make tensors so large that the allocator fetches each from the kernel anew
REAL_PAIRS = 4  # how many pairs of real sets are drawn by lot, to steady the figures that compare sets


@dataclass(frozen=True)
class View:
    """What a network makes of N images: `logits` (N, classes), and `features` (N, D), the tap before, averaged over places of a map."""

    logits: Tensor
    features: Tensor


@dataclass(frozen=True)
class Seen:
    """Images, and what each network makes of them, by the network's name."""

    images: Photographs
    views: Mapping[str, View]

    def take(self, index: Tensor) -> "Seen":
        """The images at `index` (N',)."""
        views = {name: View(view.logits[index], view.features[index]) for name, view in self.views.items()}
        return Seen(self.images.take(index), views)


def seen(images: Photographs, networks: Sequence[Network], fit: Fit, device: torch.device, what: str) -> Seen:
    """Show `images` to `networks`, brought to each one's size by `fit`; `what` is what the progress bar calls them."""
    return Seen(images, {network.name: _view(images, network, fit, device, what) for network in networks})


@torch.no_grad()
def _view(images: Photographs, network: Network, fit: Fit, device: torch.device, what: str) -> View:
    taps = [before_output(network), network.card.output_tap]
    parts = []
    for batch, _ in _progress(images, device, f"{network.name} sees {what}"):
        features, logits = (network.activations(fit(batch, network.input_size), taps)[tap].cpu() for tap in taps)
        parts.append((logits, features.flatten(2).mean(2) if features.ndim == 4 else features))
    return View(*(torch.cat(part) for part in zip(*parts, strict=True)))


def before_output(network: Network) -> str:
    """The tap before the output: the features that the network tells its classes apart by."""
    names = _taps(network)
    return names[names.index(network.card.output_tap) - 1]


def layers(network: Network) -> list[str]:
    """The taps of the layers proper: those with weights, so neither ReLU nor pooling; all taps where a network does not tell."""
    if not isinstance(network.module, Staged):
        return _taps(network)
    return [name for name, stage in network.module.stages.named_children() if any(True for _ in stage.parameters())]


def rectified(network: Network) -> list[str]:
    """The taps that follow a ReLU or pool: where the prior's training compares pictures."""
    return [name for name in _taps(network) if name not in layers(network)] or _taps(network)


def _taps(network: Network) -> list[str]:
    return [tap.name for tap in network.card.taps]


def of_units(photographs: Photographs, labels: Sequence[str]) -> Photographs:
    """The photographs whose class is one of `labels`, now labelled by its index there: classes are matched by name."""
    units = matching(photographs.names, labels)[photographs.labels]
    known = units >= 0
    return Photographs(photographs.pixels[known], units[known], tuple(labels))


def matching(names: Sequence[str], labels: Sequence[str]) -> Tensor:
    """For each of `names` its index among `labels`, -1 where it is not there; (N,) int64."""
    index = {label: i for i, label in reversed(list(enumerate(labels)))}
    return torch.tensor([index.get(name, -1) for name in names])


def agreement(images: Seen, judge: Network) -> dict[str, float]:
    """How often `judge` gives images their class, and has it among its first five. Classes that it does not know are left out."""
    own = matching(images.images.names, judge.card.labels)[images.images.labels]
    known = own >= 0
    logits = images.views[judge.name].logits[known]
    return {f"top{k}": metrics.top_k_agreement(logits, own[known], k) for k in (1, 5)}


def misnamed(images: Seen, judge: Network) -> dict[str, list[str]]:
    """What `judge` calls the images to which it does not give their class, by their class."""
    found: dict[str, list[str]] = {}
    called = images.views[judge.name].logits.argmax(1).tolist()
    for unit, best in zip(images.images.labels.tolist(), called, strict=True):
        name, answer = images.images.names[unit], judge.card.labels[best]
        if answer != name and name in judge.card.labels:
            found.setdefault(name, []).append(answer)
    return found


def activation(drawn: Seen, real: Seen, target: Network) -> dict[str, float]:
    """Each picture's activation as a percentile of its unit's activations for real images of the class."""
    ranks = []
    for unit in real.images.labels.unique():
        own, others = ((seen.views[target.name].logits[seen.images.labels == unit, unit]) for seen in (drawn, real))
        ranks.append(metrics.percentiles(own, others))
    rank = torch.cat(ranks)
    return {
        "median_percentile": rank.median().item(),
        "mean_percentile": rank.mean().item(),
        "share_above_half": (rank > 50).float().mean().item(),
    }


def diversity(drawn: Seen, real: Seen, judge: Network) -> dict[str, float]:
    """Mean distance, in the judge's features, between a unit's pictures, over that between real images of the class."""
    units = real.images.labels.unique()
    of_drawn, of_real = (
        sum(metrics.mean_pairwise_distance(seen.views[judge.name].features[seen.images.labels == unit]) for unit in units) / len(units)
        for seen in (drawn, real)
    )
    return {"drawn": of_drawn, "real": of_real, "ratio": of_drawn / of_real}


def naturalness(drawn: Seen, real: Seen, judge: Network, each: int) -> dict[str, float]:
    """Frechet distance, precision and recall of the drawn pictures against a real set with as many images, `each` per class.

    Beside them the same figures of a second such real set against the first; `frechet_ratio` is the ratio of the two distances.
    Means over REAL_PAIRS pairs of real sets; within a pair no image is in both.
    """
    features, drawn_features = real.views[judge.name].features, drawn.views[judge.name].features
    found = []
    for first, second in balanced_pairs(real.images.labels, each):
        reference = features[first]
        precision, recall = metrics.precision_recall(reference, drawn_features, NEIGHBOURS)
        real_precision, real_recall = metrics.precision_recall(reference, features[second], NEIGHBOURS)
        distances = (metrics.frechet_distance(reference, other) for other in (drawn_features, features[second]))
        found.append((*distances, precision, recall, real_precision, real_recall))
    frechet, frechet_real, *shares = torch.tensor(found, dtype=torch.float64).mean(0).tolist()
    names = ("precision", "recall", "real_precision", "real_recall")
    ratio = {"frechet_ratio": frechet / frechet_real, "frechet": frechet, "frechet_real": frechet_real}
    return ratio | dict(zip(names, shares, strict=True))


def balanced_pairs(labels: Tensor, each: int, pairs: int = REAL_PAIRS) -> list[tuple[Tensor, Tensor]]:
    """Pairs of index sets without a common member, `each` images of every class in either, drawn by lot, the same ones every time."""
    lot = torch.Generator().manual_seed(0)
    members = [torch.nonzero(labels == label).flatten() for label in labels.unique()]
    assert all(len(own) >= 2 * each for own in members), "too few photographs of a class"
    shuffled = [[own[torch.randperm(len(own), generator=lot)] for own in members] for _ in range(pairs)]
    return [(torch.cat([own[:each] for own in one]), torch.cat([own[each : 2 * each] for own in one])) for one in shuffled]


@torch.no_grad()
def reconstructed(photographs: Photographs, generator: Generator, encoder: Network, device: torch.device) -> Photographs:
    """`G(E(x))` of each photograph x (Dosovitskiy & Brox 2016, arXiv 1602.02644, section 2)."""
    assert generator.card.code is not None
    tap, parts = generator.card.code.tap, []
    for images, _ in _progress(photographs, device, f"{generator.name} reconstructs"):
        parts.append(as_pixels(generator(encode(encoder, tap, images))))
    return Photographs(torch.cat(parts), photographs.labels, photographs.names)


def reconstruction(again: Seen, real: Seen, judge: Network) -> dict[str, float]:
    """How often `judge` gives reconstructions their photograph's class, and that over how often it gives it to the photographs."""
    top1, of_real = agreement(again, judge)["top1"], agreement(real, judge)["top1"]
    return {"top1": top1, "real_top1": of_real, "share": top1 / of_real if of_real else 0.0}


@torch.no_grad()
def feature_errors(again: Photographs, real: Photographs, encoder: Network, device: torch.device) -> dict[str, float]:
    """Relative squared error of reconstructions at each rectified tap of the encoder (`lab.train.losses.feature`)."""
    taps = rectified(encoder)
    sums = dict.fromkeys(taps, 0.0)
    for (drawn, _), (images, _) in zip(_progress(again, device, "feature errors"), batches(real, device, BATCH), strict=True):
        a, b = (encoder.activations(crop_or_enlarge(x, encoder.input_size), taps) for x in (drawn, images))
        for tap in taps:
            sums[tap] += float(feature_error({tap: a[tap]}, {tap: b[tap]})) * len(images)
    return {tap: value / len(real) for tap, value in sums.items()}


def as_pixels(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) in [0, 1] as a picture file has them: uint8, clipped."""
    return (images.clamp(0, 1) * 255).round().byte().cpu()


def _progress(images: Photographs, device: torch.device, what: str) -> Iterator[tuple[Tensor, Tensor]]:
    with tqdm(total=len(images), desc=what, disable=None, leave=False) as bar:
        for batch, labels in batches(images, device, BATCH):
            yield batch, labels
            bar.update(len(batch))
