"""The parts methods are made of: which function of which file, with which options, at which place of a step.

A part takes what it works on, the rows and the problem. Everything a request may tune is an option, a (B,) tensor of the rows. A part whose
switches are all zero is left out of a row's structure, and so of its batch; one without switches is there wherever its method has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from dgnam_models import patches
from torch import Tensor

from dgnam_server.synth import objectives, penalties, projections, pyramids, shaping, transforms
from dgnam_server.synth.priors import GeneratorPrior, PixelPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows

Function = Callable[[Tensor, Rows, Problem], Tensor]


@dataclass(frozen=True)
class Part:
    """One ingredient. Exactly one of the functions besides `watch` is set; where it stands in a step says its name.

    Attributes:
        options: what it reads off the rows.
        switches: those of its options that are zero where a row does without it.
        watch: image -> state to remember, before the step looks at the networks; `remembers` names what is of the image's size,
            (B, 1, H, W), and `recalls` what is of the code's, (B, D).
        transform: image -> image, between prior and network.
        penalty: image -> (B,), subtracted from what is ascended.
        shape: gradient image -> gradient image, between network and prior.
        project: code -> code, after the update.
    """

    options: tuple[str, ...]
    switches: tuple[str, ...] = ()
    remembers: tuple[str, ...] = ()
    recalls: tuple[str, ...] = ()
    watch: Callable[[Tensor, Rows, Problem], Mapping[str, Tensor]] | None = None
    transform: Function | None = None
    penalty: Function | None = None
    shape: Function | None = None
    project: Function | None = None


# --- penalties -------------------------------------------------------------------------------------------------------
# The published formulas are means over the pixels. Gradients are brought to the size 1 per pixel, so penalties are summed instead: then a
# weight means the same at every image size.


def _p_norm(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return rows.now("p_norm_weight") * image[0].numel() * penalties.p_norm(2 * image - 1, rows.now("p_norm_exponent"))


def _total_variation(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return rows.now("tv_weight") * image[0].numel() * penalties.total_variation(image, rows.now("tv_exponent"))


def _patches(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    assert problem.patches is not None
    cut = patches.normalized(patches.cut(image))
    overlap = cut[0].numel() / image[0].numel()  # how many patches a pixel is in
    return rows.now("patch_weight") * penalties.patch_distance(cut, problem.patches.nearest(cut)) / overlap


# --- what is done to the gradient image ------------------------------------------------------------------------------


def _octaves(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    octaves = rows.now("octaves").clamp(min=1)
    done = (octaves * rows.step / rows.steps).floor()  # how many resolutions lie behind
    return pyramids.coarse(gradient, (octaves - 1 - done).clamp(min=0))


def _pyramid(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    laplacian, gaussian = rows.now("laplacian_weight"), rows.now("gaussian_weight")
    shaped = pyramids.balanced(gradient, laplacian, gaussian, rows.now("levels"))
    return torch.where(((laplacian == 0) & (gaussian == 0))[:, None, None, None], gradient, shaped)


def _normalize(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return shaping.normalize(gradient, rows.now("gradient_normalization"))


def _look_for_class(image: Tensor, rows: Rows, problem: Problem) -> Mapping[str, Tensor]:
    """The activation map of every row whose turn it is, in the image's own coordinates: from a look of its own, without transforms."""
    due = rows.step % rows.now("cam_interval").clamp(min=1).long() == 0
    if not bool(due.any()):  # read back to the host, which saves a look of every network
        return {"heat": rows.state["heat"]}
    places = (*problem.sources, *problem.maps)
    with torch.enable_grad():
        found = problem.read(image.requires_grad_(), places)
        value = objectives.weighted_sum(objectives.term_activations([found[source] for source in problem.sources], rows), rows)
        slopes = torch.autograd.grad(value.sum(), [found[place] for place in problem.maps])
    size = (image.shape[2], image.shape[3])
    heats = [
        shaping.activation_map(found[place].detach().float(), slope.float()) for place, slope in zip(problem.maps, slopes, strict=True)
    ]
    heat = torch.stack([shaping.enlarged(heat, size) for heat in heats]).amax(0)
    return {"heat": torch.where(due[:, None, None, None], heat, rows.state["heat"])}


def _inside(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return shaping.inside(gradient, rows.state["heat"], rows.now("cam_weight"), rows.now("cam_threshold"))


# --- the view --------------------------------------------------------------------------------------------------------


def _random_view(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return transforms.random_view(image, rows.seed, rows.step, *(rows.now(name) for name in VIEW))


VIEW = ("padding_px", "shift_px", "crop", "scale", "rotation")


# --- what is done to the code ----------------------------------------------------------------------------------------


def _reconstruct(image: Tensor, rows: Rows, problem: Problem) -> Mapping[str, Tensor]:
    prior = cast(GeneratorPrior, problem.prior)
    assert prior.encoder is not None
    return {"reconstruction": prior.encode(problem.fit(image, prior.encoder.input_size)).float()}


def _towards_reconstruction(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return projections.drawn(code, rows.now("reconstruction_weight"), rows.state["reconstruction"] - rows.code)


def _bound(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return projections.clip(code, *cast(GeneratorPrior, problem.prior).bounds(rows.now("bound_multiplier")))


def _decay(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return projections.shrink(code, rows.now("decay"))


def _blur(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    due = (rows.step + 1) % rows.now("blur_interval").clamp(min=1).long() == 0
    image = cast(PixelPrior, problem.prior).image_of(code)
    return pyramids.blur(image, torch.where(due, rows.now("blur_sigma"), 0.0)).flatten(1)


def _clip_small_norms(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    image = cast(PixelPrior, problem.prior).image_of(code)
    return projections.clip_small_norms(image, rows.now("small_norm_share")).flatten(1)


def _range(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    limit = (0.5 / rows.now("keep_range").clamp(min=1e-6))[:, None]
    return code.maximum(-limit).minimum(limit)


# In the order they are applied at their place.
PARTS: dict[str, Part] = {
    "random-view": Part(VIEW, VIEW, transform=_random_view),
    "p-norm": Part(("p_norm_weight", "end_p_norm_weight", "p_norm_exponent"), ("p_norm_weight", "end_p_norm_weight"), penalty=_p_norm),
    "total-variation": Part(
        ("tv_weight", "end_tv_weight", "tv_exponent", "end_tv_exponent"), ("tv_weight", "end_tv_weight"), penalty=_total_variation
    ),
    "patches": Part(("patch_weight", "end_patch_weight"), ("patch_weight", "end_patch_weight"), penalty=_patches),
    "octaves": Part(("octaves",), ("octaves",), shape=_octaves),
    "pyramid": Part(
        ("laplacian_weight", "end_laplacian_weight", "gaussian_weight", "end_gaussian_weight", "levels"),
        ("laplacian_weight", "end_laplacian_weight", "gaussian_weight", "end_gaussian_weight"),
        shape=_pyramid,
    ),
    "normalization": Part(("gradient_normalization",), ("gradient_normalization",), shape=_normalize),
    "activation-map": Part(
        ("cam_weight", "end_cam_weight", "cam_threshold", "cam_interval"),
        ("cam_weight", "end_cam_weight"),
        remembers=("heat",),
        watch=_look_for_class,
        shape=_inside,
    ),
    "reconstruction": Part(
        ("reconstruction_weight",),
        ("reconstruction_weight",),
        recalls=("reconstruction",),
        watch=_reconstruct,
        project=_towards_reconstruction,
    ),
    "bound": Part(("bound_multiplier",), project=_bound),
    "decay": Part(("decay",), ("decay",), project=_decay),
    "blur": Part(("blur_sigma", "end_blur_sigma", "blur_interval"), ("blur_sigma", "end_blur_sigma"), project=_blur),
    "small-norms": Part(("small_norm_share",), ("small_norm_share",), project=_clip_small_norms),
    "range": Part(("keep_range",), ("keep_range",), project=_range),
}

F = TypeVar("F")


def at(place: Callable[[Part], F | None], names: tuple[str, ...]) -> list[F]:
    """The functions that `names` have at a place of the step, in the table's order: `at(lambda part: part.shape, names)`."""
    return [function for name, part in PARTS.items() if name in names and (function := place(part)) is not None]


def fresh_state(names: tuple[str, ...], size: tuple[int, int], code: Tensor) -> dict[str, Tensor]:
    """What the parts remember before the first step of a row with this code (1, D): zeros."""
    images = {entry: torch.zeros(1, 1, *size, device=code.device) for name in names for entry in PARTS[name].remembers}
    return images | {entry: torch.zeros_like(code) for name in names for entry in PARTS[name].recalls}
