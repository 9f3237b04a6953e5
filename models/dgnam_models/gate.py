"""The gate that every network passes when it is imported, made by `Network.of`, or served: can its units be drawn for, one by one?

A picture is drawn alone or in company, step after step, along a gradient. So a picture's activations must not depend on chance or on what
shares its batch, and they and their gradients must be numbers. The gate runs the network on a few random pictures, and says of each tap
why it does not do.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgnam_models.card import CardError

if TYPE_CHECKING:
    from dgnam_models.network import Network

ROWS = 3
# How far a picture's activations may be apart, alone and in company, as a part of the tap's largest: rounding in a deep network.
TOLERANCE: Mapping[torch.dtype, float] = {torch.float32: 1e-3, torch.float64: 1e-3}
ROUGH = 0.1  # of the shorter precisions

RANDOM = (
    "two runs on one picture differ, so something in it is random; where it is dropout, write functional.dropout(x, training=self.training)"
)
MIXED = (
    "a picture's values depend on the pictures beside it; take means over a picture and not over the batch, and let batch normalization "
    "keep its statistics (track_running_stats=True)"
)
SQUEEZED = "for one picture alone it has the shape {}, not {}; where that comes from squeeze(), say of which dimension, or use flatten(1)"
CUT = "it has no gradient; its forward is cut by no_grad, detach, .data, numpy, argmax, or by a cast to integers"
ZERO = "its gradient is zero"


def admit(network: "Network", asked: Collection[str] = ()) -> "Network":
    """Return the network with those of its taps that can be used; all of `asked` and the output tap must be.

    Raises:
        CardError: a weight is no number, or one of these taps fails; says why, and what to do.
    """
    needed = tuple(dict.fromkeys((*asked, network.card.output_tap)))
    failed = faults(network, [tap.name for tap in network.card.taps], needed)
    _refuse(network, {tap: failed[tap] for tap in needed if tap in failed})
    network.card = replace(network.card, taps=tuple(tap for tap in network.card.taps if tap.name not in failed))
    return network


def recheck(network: "Network") -> "Network":
    """Return the network, whose output tap does, where and in the precision that it is about to be served in.

    Raises:
        CardError: as `admit`.
    """
    output = network.card.output_tap
    _refuse(network, faults(network, [output], () if network.card.forward_only else [output]))
    return network


def faults(network: "Network", taps: Collection[str], drawn_for: Collection[str]) -> dict[str, str]:
    """Why taps cannot be used, by tap, in the order they are computed.

    Args:
        taps: to look at, without gradients.
        drawn_for: those of `taps` whose gradient is looked at too; of others, where there are any, whether they have one.

    Raises:
        CardError: its weights are no numbers, or it cannot be run at all.
    """
    weights = (item for item in network.module.state_dict().items() if isinstance(item[1], Tensor) and item[1].is_floating_point())
    if wrong := [name for name, value in weights if not value.isfinite().all()]:
        raise CardError(
            f"{network.name}: its weights are not finite (NaN or infinite): {_few(wrong)}; take them from before training broke"
        )
    image = _noise(network, ROWS)
    devices = [image.device] if image.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.no_grad():
        torch.manual_seed(0)
        try:
            together = network.activations(image, taps)
            again = network.activations(image, taps)
        except Exception as error:  # the network's own code may raise anything
            raise CardError(f"{network.name} cannot be run on {ROWS} pictures: {_told(error)}") from error
        failed = _numbers(together) | {tap: RANDOM for tap in taps if _differ(again[tap], together[tap], network.dtype)}
        try:
            for row in range(ROWS):
                alone = network.activations(image[row : row + 1], taps)
                failed = _company(alone, {tap: value[row : row + 1] for tap, value in together.items()}, network.dtype) | failed
        except Exception as error:
            raise CardError(
                f"{network.name} runs on {ROWS} pictures and not on one: {_told(error)}. Where batch normalization asks for more than one "
                "value, let it keep its statistics (track_running_stats=True); where a dimension is gone, say which squeeze() is to remove"
            ) from error
    if drawn_for:
        looked = [tap for tap in taps if tap not in failed]
        failed |= without_gradient(network, looked, [tap for tap in drawn_for if tap in looked])
    return {tap: failed[tap] for tap in taps if tap in failed}


def without_gradient(network: "Network", taps: Collection[str], drawn_for: Collection[str]) -> dict[str, str]:
    """Why nothing could be drawn for taps: of `taps` that have no gradient, and of `drawn_for` also where it is zero or no number."""
    read, left = list(taps), list(drawn_for)
    cut, first = dict[str, str](), dict[str, str]()
    for image in _pictures(network):
        with torch.enable_grad():
            image = image.requires_grad_()
            try:
                found = network.activations(image, read)
            except Exception as error:  # as numpy() does of what needs a gradient
                return dict.fromkeys(read, f"it can only be run without gradients: {_told(error)}")
            cut |= {tap: CUT for tap, value in found.items() if not value.requires_grad}
            why = {tap: fault for tap in left if tap not in cut and (fault := _gradient_fault(found[tap], image))}
        first = first or why
        read = left = list(why)
        if not left:
            break
    return cut | {tap: first[tap] for tap in left}


def _gradient_fault(value: Tensor, image: Tensor) -> str:
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(0)).to(value)  # a softmax's plain sum is constant
    try:
        (gradient,) = torch.autograd.grad((value * weights).sum(), image, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        return f"its gradient cannot be computed: {_told(error)}"
    if gradient is None or not gradient.any():
        return ZERO
    return "" if gradient.isfinite().all() else "its gradient is not finite"


def _numbers(found: Mapping[str, Tensor]) -> dict[str, str]:
    return {tap: "its values are not finite (NaN or infinite)" for tap, value in found.items() if not value.isfinite().all()}


def _company(alone: Mapping[str, Tensor], together: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, str]:
    failed = {}
    for tap, value in alone.items():
        if value.shape != together[tap].shape:
            failed[tap] = SQUEEZED.format(tuple(value.shape), tuple(together[tap].shape))
        elif _differ(value, together[tap], dtype):
            failed[tap] = MIXED
    return failed


def _differ(one: Tensor, other: Tensor, dtype: torch.dtype) -> bool:
    """Beyond rounding; where either is no number, that is what is said."""
    if one.shape != other.shape or not (one.isfinite().all() and other.isfinite().all()):
        return one.shape != other.shape
    return float((one - other).abs().max()) > TOLERANCE.get(dtype, ROUGH) * float(other.abs().max())


def _pictures(network: "Network") -> Iterator[Tensor]:
    """Single pictures, from the likeliest: what gives no gradient on the one, as a layer without a positive value, may on another."""
    noise = _noise(network, 1)
    yield noise
    yield 0.5 + 0.1 * (noise - 0.5)
    coarse = torch.nn.functional.interpolate(noise[:, :, :4, :4], noise.shape[2:], mode="bilinear")
    coarse = (coarse - coarse.min()) / (coarse.max() - coarse.min())
    yield coarse
    yield 1 - coarse


def _noise(network: "Network", rows: int) -> Tensor:
    image = torch.rand(rows, 3, *network.input_size, generator=torch.Generator().manual_seed(0))
    return image.to(network.preprocess.mean.device)


def _refuse(network: "Network", failed: Mapping[str, str]) -> None:
    if failed:
        raise CardError(f"{network.name} cannot be drawn for: " + "; ".join(f"{tap}: {why}" for tap, why in failed.items()))


def _few(names: Collection[str]) -> str:
    return ", ".join(list(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:300]
