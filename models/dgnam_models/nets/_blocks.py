"""Building blocks shared by the architectures: a foldable batch-normalized linear map, and a network as a list of named stages."""

from collections import OrderedDict
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

Linear = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


class Normalized(nn.Module):
    """A linear map, then a fixed filter where there is one, then, while training, batch normalization, then a rectifier where there is one.

    Normalization makes training fast and costs memory traffic afterwards, so an exported network is
    folded: `y = gamma (W x + b - mean) / sqrt(var + eps) + beta` is itself one linear map
    (Ioffe & Szegedy 2015, section 3.1, with the population statistics).

    Args:
        between: a filter without weights. It must be linear, treat all channels alike and keep constants, so that folding may pass it.
        eps: what normalization adds to the variance.
        rectifier: without weights. A layer prepared for a processor (weight_layout.py) rectifies while it multiplies.
    """

    def __init__(
        self, linear: Linear, normalized: bool, between: nn.Module | None = None, eps: float = 1e-5, rectifier: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.linear = linear
        self.between = between or nn.Identity()
        outputs = linear.out_features if isinstance(linear, nn.Linear) else linear.out_channels
        norm = nn.BatchNorm1d if isinstance(linear, nn.Linear) else nn.BatchNorm2d
        self.norm: nn.Module = norm(outputs, eps) if normalized else nn.Identity()
        self.rectifier = rectifier or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.rectifier(self.norm(self.between(self.linear(x))))

    @torch.no_grad()
    def fold_(self) -> None:
        """Replace map and normalization by the one equal map, in place; nothing happens if already folded."""
        if not isinstance(self.norm, nn.BatchNorm1d | nn.BatchNorm2d):
            return
        mean, var = self.norm.running_mean, self.norm.running_var
        assert mean is not None and var is not None and self.linear.bias is not None
        scale = self.norm.weight * torch.rsqrt(var + self.norm.eps)  # (outputs,)
        shape = [1] * self.linear.weight.ndim
        shape[1 if isinstance(self.linear, nn.ConvTranspose2d) else 0] = -1  # where the outputs are
        self.linear.weight.mul_(scale.view(shape))
        self.linear.bias.sub_(mean).mul_(scale).add_(self.norm.bias)
        self.norm = nn.Identity()


def fold_(module: nn.Module) -> nn.Module:
    """Fold every `Normalized` inside `module` in place and return it."""
    for part in module.modules():
        if isinstance(part, Normalized):
            part.fold_()
    return module


@torch.no_grad()
def unfold_(module: nn.Module, x: Tensor) -> None:
    """Let the normalizations inside `module` change nothing at first: a folded network's weights can then be trained further.

    Each takes as mean, variance, scale and shift those of its own input while `module`, left in training mode, runs on `x`, images
    (B, 3, H, W) or codes (B, D).
    """

    def begin(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        y = inputs[0].transpose(0, 1).flatten(1)  # (outputs, the rest)
        mean, var = y.mean(1), y.var(1, correction=0)
        for parameter, value in ((norm.weight, (var + norm.eps).sqrt()), (norm.bias, mean)):
            parameter.copy_(value)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)

    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    handles = [norm.register_forward_pre_hook(begin) for norm in norms]
    try:
        module.train()(x)
    finally:
        for handle in handles:
            handle.remove()


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, *, normalized: bool, rectifier: nn.Module | None = None) -> Normalized:
    """A convolution that keeps the size (or halves it, at stride 2) with its foldable normalization."""
    return Normalized(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), normalized, rectifier=rectifier)


class Staged(nn.Module):
    """A network as named stages run one after another; a tap is the output of the stage of that name.

    Units are read before their ReLU, as the released script does (a silent unit still has a gradient), so a ReLU is a
    stage of its own, or fused with the pooling that follows it, with which it commutes.

    Args:
        branches: further taps, off the way to the output: by name the stage that is read and what is made of its output, without weights.
    """

    def __init__(self, stages: Mapping[str, nn.Module], branches: Mapping[str, tuple[str, nn.Module]] | None = None) -> None:
        super().__init__()
        self.stages = nn.Sequential(OrderedDict(stages))
        self._branches = dict(branches or {})

    def tap_names(self) -> list[str]:
        """Stage names in the order they run, each followed by its branches."""
        return [tap for name, _ in self.stages.named_children() for tap in (name, *self._branches_of(name))]

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """Run only as far as the last of `taps` needs, and return the outputs at each of them."""
        found: dict[str, Tensor] = {}
        for name, stage in self.stages.named_children():
            x = stage(x)
            if name in taps:
                found[name] = x
            for tap, branch in self._branches_of(name).items():
                if tap in taps:
                    found[tap] = branch(x)
            if len(found) == len(set(taps)):
                return found
        raise KeyError(f"no such tap: {sorted(set(taps) - set(found))}")

    def _branches_of(self, stage: str) -> dict[str, nn.Module]:
        return {tap: branch for tap, (source, branch) in self._branches.items() if source == stage}

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)


class PoolReLU(nn.Module):
    """2x2 max pooling and ReLU: the same as ReLU then pooling, on a quarter of the values."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(nn.functional.max_pool2d(x, 2))
