"""Convolutions that halve a picture as TensorFlow does."""

from torch import Tensor, nn
from torch.nn.functional import pad


class HalvingConv2d(nn.Conv2d):
    """A convolution of stride 2 and odd kernel with TensorFlow's padding "same", (B, C, H, W) -> (B, C', ceil(H / 2), ceil(W / 2)).

    Around an odd length lie as many zeros on both sides, around an even one there is one more at the end than before the beginning.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, groups: int = 1) -> None:
        assert kernel % 2 == 1
        super().__init__(inputs, outputs, kernel, stride=2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        after = self.kernel_size[0] // 2
        top, left = (after - 1 + int(length) % 2 for length in x.shape[2:])
        return super().forward(pad(x, (left, after, top, after)))

    def symmetric(self) -> nn.Conv2d:
        """An ordinary convolution that computes the same of even lengths, without a copy of the picture with zeros around it.

        Its weights have a row and a column of zeros before their first, so that as many zeros around the picture do at both ends.
        """
        kernel = self.kernel_size[0]
        same = nn.Conv2d(
            self.in_channels, self.out_channels, kernel + 1, 2, kernel // 2, groups=self.groups, bias=self.bias is not None, device="meta"
        )
        same.weight = nn.Parameter(pad(self.weight.detach(), (1, 0, 1, 0)), requires_grad=False)
        same.bias = self.bias
        return same


def evened(x: Tensor) -> Tensor:
    """`x` (B, C, H, W) with a row or column of zeros before odd lengths, of which `symmetric` computes what the layer does of `x`."""
    top, left = (int(length) % 2 for length in x.shape[2:])
    return pad(x, (left, 0, top, 0)) if top or left else x
