"""PyTorch's attention of frozen networks, prepared for a processor: its products with weights are laid out once, whatever the batch."""

from typing import Any, TypeGuard

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from dgnam_models.laid_out_maps import Frozen, Product


class LaidOutAttention(nn.MultiheadAttention):
    """What `attention` computes of a sequence by itself, without masks; all else is left to PyTorch's own.

    PyTorch's own wants the sequence first. Of several rows given the other way round that is a view over memory in another order, and
    its product with the weights becomes one product for each position, with a copy of the weights for each.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        bias = attention.in_proj_bias is not None
        super().__init__(attention.embed_dim, attention.num_heads, bias=bias, batch_first=attention.batch_first, device="meta")
        self.load_state_dict(attention.state_dict(), assign=True)
        self.requires_grad_(False).eval()
        into, out = (weight.detach() for weight in (self.in_proj_weight, self.out_proj.weight))
        self._into = Product(into, self.in_proj_bias), Product(into.t().contiguous(), None)
        self._out = Product(out, self.out_proj.bias), Product(out.t().contiguous(), None)
        self._own = (self.out_proj,)  # whoever reads the heads puts another one in its place; in a tuple, or it would be a part twice

    def plain(self) -> nn.MultiheadAttention:
        """An attention like the one that was prepared, with any numbers for weights."""
        bias = self.in_proj_bias is not None
        attention = nn.MultiheadAttention(self.embed_dim, self.num_heads, bias=bias, batch_first=self.batch_first, device="meta")
        return attention.to(self.in_proj_weight.dtype).to_empty(device="cpu").requires_grad_(False).eval()

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *others: Any, **named: Any) -> tuple[Tensor, Tensor | None]:
        """See `nn.MultiheadAttention`."""
        itself = query is key and key is value and query.ndim == 3
        if itself and not others and named == {"need_weights": False} and self.out_proj is self._own[0]:
            return self._of_itself(query), None
        if itself and self.batch_first:
            query = key = value = query.transpose(0, 1).contiguous().transpose(0, 1)
        return super().forward(query, key, value, *others, **named)

    def _of_itself(self, x: Tensor) -> Tensor:
        parts: Tensor = Frozen.apply(x, *self._into)  # type: ignore[no-untyped-call]
        parts = parts.unflatten(2, (3, self.num_heads, self.head_dim))  # (B, N, 3, heads, units) or (N, B, 3, heads, units)
        parts = parts.permute((2, 0, 3, 1, 4) if self.batch_first else (2, 1, 3, 0, 4))
        # In float32 its gradient takes two thirds of the time that it takes in bfloat16, and rounds less.
        query, key, value = parts.float().unbind()  # (B, heads, N, units) each
        mixed = scaled_dot_product_attention(query, key, value)
        mixed = mixed.permute((0, 2, 1, 3) if self.batch_first else (2, 0, 1, 3)).flatten(2).to(x.dtype)
        y: Tensor = Frozen.apply(mixed, *self._out)  # type: ignore[no-untyped-call]
        return y


def is_plain_attention(part: nn.Module) -> TypeGuard[nn.MultiheadAttention]:
    """Is it PyTorch's own attention, with one width for queries, keys and values, and with nothing added to these?"""
    if type(part) is not nn.MultiheadAttention or part.bias_k is not None or part.add_zero_attn:
        return False
    return part.in_proj_weight is not None  # they are three where the widths differ
