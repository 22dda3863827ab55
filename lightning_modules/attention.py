"""The Transformer block that text, table and picture models share."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def check_heads(width: int, heads: int) -> None:
    """Raise ValueError when vectors of ``width`` numbers cannot be shared out among so many heads."""
    if width % heads:
        raise ValueError(f"width {width} must be a multiple of heads {heads}.")


class Attention(nn.Module):
    """Multi-head self-attention; every token looks at every token that is not padding."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.dropout = dropout
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # (batch, tokens, width)
        """Attend; ``mask`` is bool ``(batch, tokens)``, True where a token is."""
        batch, tokens, width = x.shape
        split = self.project_in(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, tokens, width / heads)
        allowed = mask[:, None, None, :] if mask is not None else None  # (batch, 1, 1, tokens)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, allowed, dropout)
        output: Tensor = self.project_out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return output


class Block(nn.Module):
    """Attention and a two-layer network, each after a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, dropout: float, expansion: int = 4) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.norm_layers = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Linear(width, expansion * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # (batch, tokens, width)
        """One block; ``mask`` as in `Attention`."""
        x = x + self.dropout(self.attention(self.norm_attention(x), mask))
        return x + self.dropout(self.layers(self.norm_layers(x)))


class LearnedTokens(nn.Module):
    """Learned vectors ``(tokens, width)``: positions, or a token that gathers the answer; ``spread`` is their deviation
    at the beginning."""

    def __init__(self, tokens: int, width: int, spread: float = 0.02) -> None:
        super().__init__()
        self.spread = spread
        self.weight = nn.Parameter(torch.empty(tokens, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Random values around zero."""
        nn.init.normal_(self.weight, std=self.spread)

    def forward(self, count: int | None = None) -> Tensor:
        """The first ``count`` of them, or all."""
        return self.weight if count is None else self.weight[:count]
