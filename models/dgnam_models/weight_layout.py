"""Layers of frozen networks, prepared for a processor: weights laid out once, and the gradient as one more forward pass.

Asked in the ordinary way, the library chooses by the batch's size how it multiplies, so that a picture's last bits depend on how many
others are drawn with it; and it brings the weights into its order at every call, forwards and backwards. A frozen layer's weights never
change, and the gradient of a linear map by its input is a linear map too, so both can be laid out when the model is loaded. oneDNN then has
one way to multiply, whatever the batch. Where it wants the weights in another order for another batch, they are laid out in that one too.
"""

import copy
import logging
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import relu, relu6
from torch.overrides import TorchFunctionMode, has_torch_function

from dgnam_models.laid_out_attention import LaidOutAttention, is_plain_attention
from dgnam_models.laid_out_chain import Chain, LaidOutChain, Link, passed
from dgnam_models.laid_out_maps import NOTHING, Convolution, Frozen, Map, Product, Stretched, Then, Transposed
from dgnam_models.laid_out_up import LaidOutBlock, LaidOutGrain
from dgnam_models.nets._blocks import Normalized
from dgnam_models.nets._folding import Folded
from dgnam_models.nets._halving import HalvingConv2d, evened
from dgnam_models.nets.upconv import Grain
from dgnam_models.nets.upconv2x2 import Block
from dgnam_models.network import Generator, Network, folded
from dgnam_models.precision import has_fast_bfloat16

log = logging.getLogger(__name__)

_ROUNDING = 1e-2  # relative, of whole maps: a rectifier near 0 may open for one and not for the other
Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
Model = TypeVar("Model", bound=Network | Generator)
_RECTIFIERS: dict[type[nn.Module], Then] = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}
_APART: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {nn.ReLU: relu, nn.ReLU6: relu6}


def lay_out_(model: Model) -> Model:
    """Prepare the linear maps inside `model`, in place, and return it; ONNX files and models off the processor stay as they are.

    The same numbers but for rounding come out, and gradients reach inputs only. `model` runs once, to learn the size of each layer's
    input; afterwards it can neither be moved to another device or precision, nor give its weights back.
    """
    if not torch.backends.mkldnn.is_available() or model.preprocess.mean.device.type != "cpu":
        return model
    if model.card.format == "onnx":  # the converted graph knows its layers by their types, and its check was made with these
        return model
    sizes: dict[Layer, torch.Size] = {}

    def note(layer: Layer, inputs: tuple[Tensor, ...]) -> None:
        sizes.setdefault(layer, inputs[0].shape)

    handles = [part.register_forward_pre_hook(note) for part in model.modules() if _suits(part)]
    try:
        with torch.no_grad():
            if isinstance(model, Generator):
                model(model.code_mean[None])
                if model.denoiser is not None:
                    latent = model.denoiser.encode(model.code_mean[None])
                    model.denoiser(latent, torch.ones_like(latent[:, 0]))
            else:
                model.activations(torch.zeros(1, 3, *model.input_size), [tap.name for tap in model.card.taps])
    finally:
        for handle in handles:
            handle.remove()
    for part in model.modules():
        if isinstance(part, Folded) and _suits(part.layer) and _suits(part.together) and part.layer in sizes:
            sizes[part.together] = sizes[part.layer]  # all taps were read, so it was the map itself that ran
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if _suits(layer) and layer in sizes:
                rarely = isinstance(parent, Folded) and layer is parent.layer
                setattr(parent, name, LaidOut(layer, None if rarely else sizes[layer], take_rectifier(parent)))
            elif is_plain_attention(layer) and _computes_in(layer.in_proj_weight.dtype):
                setattr(parent, name, LaidOutAttention(layer))
            elif isinstance(layer, Grain):
                setattr(parent, name, LaidOutGrain(layer))
    for parent in list(model.modules()):
        for name, block in parent.named_children():
            if hasattr(type(block), "maps") and isinstance(block, Chain) and all(isinstance(layer, LaidOut) for layer in block.maps()):
                setattr(parent, name, LaidOutChain(block))
            elif isinstance(block, Block) and isinstance(block.up.linear, LaidOut) and isinstance(block.convolution.linear, LaidOut):
                setattr(parent, name, LaidOutBlock(block, block.up.linear.link[:2], block.convolution.linear.link[:2]))
    return model


def laid_out(network: Network) -> Network:
    """A copy of somebody's own `network`, prepared as by `lay_out_`; the network itself where that does not work.

    It does not where the module cannot be copied, reads its layers' weights itself, or asks what type they are. So the copy has to give
    the same numbers but for rounding, at every tap and for the gradient by the picture.
    """
    if network.card.forward_only or network.preprocess.mean.device.type != "cpu":
        return network
    try:
        prepared = copy.deepcopy(network)
        folded(prepared.module, network.card.preprocessing)
        lay_out_(prepared)
        same = _agree(prepared, network)
    except Exception as error:  # the module's own code may raise anything
        log.info("%s is served as it is, not prepared for speed: %s", network.name, error)
        return network
    if not same:
        log.info("%s is served as it is, not prepared for speed: it would give other numbers", network.name)
    return prepared if same else network


def _agree(one: Network, other: Network) -> bool:
    """Whether two networks read alike at every tap, and have the same gradient, but for rounding."""
    image = torch.rand(2, 3, *other.input_size, generator=torch.Generator().manual_seed(0))
    taps = [tap.name for tap in other.card.taps]
    with torch.no_grad():
        read = [network.activations(image, taps) for network in (one, other)]
    pairs = [(read[0][tap], read[1][tap]) for tap in taps]
    with torch.enable_grad():
        images = [image.clone().requires_grad_() for _ in range(2)]
        slopes = [torch.autograd.grad(model.logits(at).sum(), at)[0] for model, at in zip((one, other), images, strict=True)]
    off = _ROUNDING if other.dtype is torch.float32 else 20 * _ROUNDING
    return all(bool((a - b).norm() <= off * b.norm()) for a, b in (*pairs, (slopes[0], slopes[1])))


def take_rectifier(parent: nn.Module) -> nn.Module | None:
    """The rectifier that follows at once on the linear map inside `parent`, which is left without."""
    if not isinstance(parent, Normalized) or type(parent.rectifier) not in _RECTIFIERS:
        return None
    if any(type(part) is not nn.Identity for part in (parent.between, parent.norm)):
        return None
    rectifier, parent.rectifier = parent.rectifier, nn.Identity()
    return rectifier


class RectifiersApart(TorchFunctionMode):
    """While it is entered, laid-out layers call their rectifiers one by one, so that PyTorch's graph holds them.

    So does any other mode that overrides functions, which may be about rectifiers.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return func(*args, **(kwargs or {}))


class LaidOut(nn.Module):
    """What `layer` (a Linear, Conv2d or ConvTranspose2d) computes, then `rectifier`, for inputs that are mostly of shape `size`.

    Without a size it is laid out when it is first called, for inputs as that one: many never are.
    """

    def __init__(self, layer: Layer, size: torch.Size | None, rectifier: nn.Module | None = None) -> None:
        super().__init__()
        self.is_product = isinstance(layer, nn.Linear)
        self._rectifier = rectifier
        self._layer = (_hollow(layer),)  # in a tuple, or its weights would count as this module's own
        self._before: Callable[[Tensor], Tensor] | None = None
        self._forwards: Map
        self._backwards: Map
        self._waiting: tuple[Layer, ...] = (layer,)
        if size is not None:
            self._prepare(size)

    def _prepare(self, size: torch.Size) -> None:
        (layer,) = self._waiting
        self._waiting = ()
        weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
        if isinstance(layer, nn.Linear):
            self._forwards, self._backwards = Product(weight, bias), Product(weight.t().contiguous(), None)
            return
        assert all(isinstance(padding, int) for padding in layer.padding)
        if isinstance(layer, HalvingConv2d):
            self._before = evened
            layer, size = layer.symmetric(), torch.Size((*size[:2], *(length + length % 2 for length in size[2:])))
            weight = layer.weight
        stride, padding, dilation = tuple(layer.stride), tuple(map(int, layer.padding)), tuple(layer.dilation)
        groups = layer.groups
        result = layer(torch.zeros(size, dtype=weight.dtype)).shape
        if isinstance(layer, nn.ConvTranspose2d):
            self._forwards = Transposed(weight, bias, (stride, padding, dilation, groups), size, result)
            self._backwards = Convolution(weight, None, (stride, padding, dilation, groups), result)
            return
        self._forwards = Convolution(weight, bias, (stride, padding, dilation, groups), size)
        if stride == (1, 1) or _is_slow_transposed(layer):
            self._backwards = Stretched(weight, (stride, padding, dilation, groups), size)
        else:
            self._backwards = Transposed(weight, None, (stride, padding, dilation, groups), result, size)

    @property
    def link(self) -> Link:
        """What it is in a chain."""
        return self._forwards, self._backwards, _RECTIFIERS[type(self._rectifier)] if self._rectifier else NOTHING, self._before is evened

    def plain(self) -> nn.Module:
        """A layer like the one that was laid out, and its rectifier, with any numbers for weights: its own are no longer there."""
        layer = copy.deepcopy(self._layer[0]).to_empty(device="cpu")
        return layer if self._rectifier is None else nn.Sequential(layer, self._rectifier)

    def forward(self, x: Tensor) -> Tensor:
        if self._waiting:
            self._prepare(x.shape)
        x = x if self._before is None else self._before(x)
        y: Tensor
        if self._rectifier is None:
            y = Frozen.apply(x, self._forwards, self._backwards)  # type: ignore[no-untyped-call]
        elif has_torch_function((x,)):  # that is so, too, while a mode overrides functions
            y = _APART[type(self._rectifier)](Frozen.apply(x, self._forwards, self._backwards))  # type: ignore[no-untyped-call]
        else:
            y = _Rectified.apply(x, self._forwards, self._backwards, _RECTIFIERS[type(self._rectifier)])  # type: ignore[no-untyped-call]
        return y


def _hollow(layer: Layer) -> Layer:
    """A layer like this one, with weights that have a shape and no numbers."""
    hollow = copy.copy(layer)  # a deep copy of all layers is a twentieth of loading
    hollow._parameters = {
        name: None if one is None else nn.Parameter(torch.empty_like(one, device="meta"), requires_grad=False)
        for name, one in layer._parameters.items()
    }
    return hollow


class _Rectified(torch.autograd.Function):
    """The same, then a rectifier in the same pass over memory; where the result is neither 0 nor the limit, the gradient passes it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forwards: Map, backwards: Map, then: Then) -> Tensor:
        y = forwards(x, None, then)
        ctx.save_for_backward(y)
        ctx.backwards, ctx.size, ctx.limits = backwards, x.shape, then[1]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (y,) = ctx.saved_tensors
        return ctx.backwards(passed(gradient, y, ctx.limits), ctx.size), None, None, None


def _suits(part: nn.Module) -> TypeGuard[Layer]:
    if type(part) is nn.Linear:
        return _computes_in(part.weight.dtype)
    if type(part) not in (nn.Conv2d, HalvingConv2d, nn.ConvTranspose2d):
        return False
    assert isinstance(part, nn.Conv2d | nn.ConvTranspose2d)
    if part.padding_mode != "zeros" or isinstance(part.padding, str):
        return False
    within = all(p <= d * (k - 1) for p, k, d in zip(part.padding, part.kernel_size, part.dilation, strict=True))
    return within and _computes_in(part.weight.dtype)


def _is_slow_transposed(layer: nn.Conv2d) -> bool:
    """Does oneDNN have only its slow reference for this convolution's gradient? So with a stride, a filter for each channel and bfloat16.

    Measured with PyTorch 2.13 on one thread with AMX, 8 x 96 x 65 x 65, 3 x 3, stride 2: 26.2 ms, and 1.7 stretched. In float32 it
    is the other way round, 1.3 and 2.3 ms.
    """
    return layer.weight.dtype is torch.bfloat16 and layer.groups == layer.in_channels


def _computes_in(dtype: torch.dtype) -> bool:
    return dtype is torch.float32 or (dtype is torch.bfloat16 and has_fast_bfloat16(torch.device("cpu")))
