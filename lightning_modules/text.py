"""Text classification (and regression on text): a bag of tokens, and a small Transformer encoder."""

from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field
from torch import Tensor, nn

from features.text import PADDING, TextFeatures
from lightning_modules.attention import Block, LearnedTokens, check_heads
from lightning_modules.data import DatasetData
from lightning_modules.stores import TokenStore
from lightning_modules.task import Rate, Share, TaskModel


class TextData(DatasetData):
    """Batches of tokenized text.

    Memory: the splits' token numbers, 4 bytes each and without padding; texts are tokenized in pieces and not kept.

    Args:
        dataset: Name of a dataset of text, such as movie-reviews or movie-reviews@1.
        batch_size: Examples per step and process, at most: an epoch is cut into equal batches.
        tokenizer: Whole words, or pieces of words by "bpe" or "wordpiece", which know every new word in part.
        vocabulary_size: Different tokens at most.
        min_count: How often a token must stand in the training split; rarer ones are unknown.
        max_tokens: Longer texts are cut.
        pair_buckets: Also use pairs of neighbouring tokens, hashed to so many numbers; 0 for none. For the bag model.
        lowercase: Whether "Good" and "good" are the same.
    """

    kind = "text"
    features: TextFeatures

    def __init__(
        self,
        dataset: str,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        tokenizer: Literal["words", "bpe", "wordpiece"] = "words",
        vocabulary_size: Annotated[int, Field(ge=10, le=1_000_000)] = 20_000,
        min_count: Annotated[int, Field(ge=1)] = 1,
        max_tokens: Annotated[int, Field(ge=1, le=4096)] = 64,
        pair_buckets: Annotated[int, Field(ge=0, le=10_000_000)] = 0,
        lowercase: bool = True,
    ) -> None:
        super().__init__(dataset, batch_size)
        self.tokenizer = tokenizer
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.pair_buckets = pair_buckets
        self.lowercase = lowercase

    def fit_features(self, table: pa.Table, schema: Any) -> TextFeatures:
        """A tokenizer trained on the training split."""
        return TextFeatures.fit(
            table,
            schema,
            tokenizer=self.tokenizer,
            vocabulary_size=self.vocabulary_size,
            min_count=self.min_count,
            max_tokens=self.max_tokens,
            pair_buckets=self.pair_buckets,
            lowercase=self.lowercase,
        )

    def make_store(self, table: pa.Table, target: np.ndarray) -> TokenStore:
        """Token numbers without padding."""
        return TokenStore(self.features, table, target)


class EmbeddingBagClassifier(TaskModel):
    """The mean of the tokens' vectors, then a linear layer: fast, and hard to beat on short texts.

    Args:
        width: Numbers in a token's vector.
        dropout: Share of the mean vector that is dropped while training.
        token_dropout: Share of the tokens that are dropped while training.
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(
        self,
        width: Annotated[int, Field(ge=1, le=4096)] = 32,
        dropout: Share = 0.2,
        token_dropout: Share = 0.2,
        learning_rate: Rate = 5e-3,
        **optimization: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **optimization)
        self.save_hyperparameters()
        self.width = width
        self.dropout = dropout
        self.token_dropout = token_dropout

    def make_network(self, inputs: dict[str, dict[str, Any]], output_count: int) -> nn.Module:
        """A `BagOfTokens`."""
        vocabulary = inputs["tokens"]["vocabulary"]
        return BagOfTokens(vocabulary, self.width, self.dropout, self.token_dropout, output_count)

    def shard_blocks(self) -> list[nn.Module]:
        """None: two layers are sharded together."""
        return []


class BagOfTokens(nn.Module):
    """Mean of token vectors, then a linear layer."""

    def __init__(self, vocabulary: int, width: int, dropout: float, token_dropout: float, output_count: int) -> None:
        super().__init__()
        self.embedding = QuietEmbedding(vocabulary, width, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.token_dropout = token_dropout
        self.head = nn.Linear(width, output_count)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, tokens)
        """``(batch, output_count)``."""
        kept = tokens != PADDING
        if self.training and self.token_dropout:
            kept = kept & (torch.rand(tokens.shape, device=tokens.device) >= self.token_dropout)
        weights = kept.unsqueeze(-1).to(self.head.weight.dtype)  # (batch, tokens, 1)
        mean = (self.embedding(tokens) * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)  # (batch, width)
        output: Tensor = self.head(self.dropout(mean))
        return output


class QuietEmbedding(nn.Embedding):
    """Vectors that start near zero, so that a token that was hardly ever seen says hardly anything."""

    def reset_parameters(self) -> None:
        """Uniform in ±1 / width, padding zero."""
        nn.init.uniform_(self.weight, -1 / self.embedding_dim, 1 / self.embedding_dim)
        self._fill_padding_idx_with_zero()


class TransformerClassifier(TaskModel):
    """A small Transformer encoder over tokens and their positions; the answer is read from the mean over the tokens.

    Args:
        width: Numbers in a token's vector; a multiple of heads.
        depth: Number of blocks.
        heads: Attention heads in a block.
        dropout: Share of values that are dropped while training.
        token_dropout: Share of the tokens that are hidden while training.
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(
        self,
        width: Annotated[int, Field(ge=4, le=4096)] = 64,
        depth: Annotated[int, Field(ge=1, le=48)] = 2,
        heads: Annotated[int, Field(ge=1, le=64)] = 4,
        dropout: Share = 0.2,
        token_dropout: Share = 0.1,
        learning_rate: Rate = 1e-3,
        **optimization: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **optimization)
        self.save_hyperparameters()
        check_heads(width, heads)
        self.width = width
        self.depth = depth
        self.heads = heads
        self.dropout = dropout
        self.token_dropout = token_dropout

    def make_network(self, inputs: dict[str, dict[str, Any]], output_count: int) -> nn.Module:
        """A `TextEncoder`."""
        tokens = inputs["tokens"]
        return TextEncoder(
            vocabulary=tokens["vocabulary"],
            max_tokens=tokens["shape"][1],
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            dropout=self.dropout,
            token_dropout=self.token_dropout,
            output_count=output_count,
        )

    def shard_blocks(self) -> list[nn.Module]:
        """Each Transformer block."""
        assert isinstance(self.network, TextEncoder), "call build(signature) first"
        return list(self.network.blocks)


class TextEncoder(nn.Module):
    """Embedding, positions, blocks, norm, mean over tokens, linear layer."""

    def __init__(
        self,
        *,
        vocabulary: int,
        max_tokens: int,
        width: int,
        depth: int,
        heads: int,
        dropout: float,
        token_dropout: float,
        output_count: int,
    ) -> None:
        super().__init__()
        self.embedding = QuietEmbedding(vocabulary, width, padding_idx=PADDING)
        self.positions = LearnedTokens(max_tokens, width)
        self.dropout = nn.Dropout(dropout)
        self.token_dropout = token_dropout
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, output_count)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, tokens)
        """``(batch, output_count)``."""
        mask = tokens != PADDING  # (batch, tokens)
        if self.training and self.token_dropout:
            hidden = torch.rand(tokens.shape, device=tokens.device) < self.token_dropout
            hidden[:, 0] = False  # a text never loses all its tokens
            mask = mask & ~hidden
        x = self.dropout(self.embedding(tokens) + self.positions(tokens.shape[1]))  # (batch, tokens, width)
        for block in self.blocks:
            x = block(x, mask)
        weights = mask.unsqueeze(-1).to(x.dtype)  # (batch, tokens, 1)
        mean = (self.norm(x) * weights).sum(dim=1) / weights.sum(dim=1)  # (batch, width)
        output: Tensor = self.head(self.dropout(mean))
        return output
