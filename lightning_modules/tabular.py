"""Tables, classification and regression: a linear model, an MLP with category embeddings, and an FT-Transformer."""

from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field
from torch import Tensor, nn

from features.tables import UNKNOWN, TableFeatures
from lightning_modules.attention import Block, LearnedTokens, check_heads
from lightning_modules.data import DatasetData
from lightning_modules.stores import ArrayStore
from lightning_modules.task import Rate, Share, TaskModel

Inputs = dict[str, dict[str, Any]]


class TableData(DatasetData):
    """Batches of table rows: numbers, dates, categories and gaps.

    Memory: 4 bytes for each number and 8 for each category of every row.

    Args:
        dataset: Name of a dataset that is a table, such as wine or wine@1.
        batch_size: Rows per step and process, at most: an epoch is cut into equal batches.
        max_categories: The most frequent categories of a column that are kept; rarer ones count as unknown.
    """

    kind = "table"
    features: TableFeatures

    def __init__(
        self,
        dataset: str,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        max_categories: Annotated[int, Field(ge=1, le=1_000_000)] = 1000,
    ) -> None:
        super().__init__(dataset, batch_size)
        self.max_categories = max_categories

    def fit_features(self, table: pa.Table, schema: Any) -> TableFeatures:
        """Medians, deviations and categories of the training split."""
        return TableFeatures.fit(table, schema, max_categories=self.max_categories)

    def make_store(self, table: pa.Table, target: np.ndarray) -> ArrayStore:
        """All rows as arrays."""
        return ArrayStore({**self.features.transform(table), "target": target})


class LinearModel(TaskModel):
    """A weighted sum of the columns: logistic or linear regression. The baseline every other model must beat.

    Args:
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(self, learning_rate: Rate = 0.02, **optimization: Any) -> None:
        super().__init__(learning_rate=learning_rate, **optimization)
        self.save_hyperparameters()

    def make_network(self, inputs: Inputs, output_count: int) -> nn.Module:
        """A `WeightedSum`."""
        return WeightedSum(inputs, output_count)

    def shard_blocks(self) -> list[nn.Module]:
        """None."""
        return []


class WeightedSum(nn.Module):
    """One weight a number and one a category, for each output."""

    def __init__(self, inputs: Inputs, output_count: int) -> None:
        super().__init__()
        self.output_count = output_count
        self.numbers = nn.Linear(_number_count(inputs), output_count) if "numbers" in inputs else None
        self.categories = nn.ModuleList(CategoryEmbedding(size, output_count) for size in _category_sizes(inputs))

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """``(batch, output_count)`` from ``numbers`` ``(batch, n)`` and ``categories`` ``(batch, c)``."""
        parts = [self.numbers(numbers)] if self.numbers is not None else []
        if categories is not None:
            parts += [table(categories[:, place]) for place, table in enumerate(self.categories)]
        return torch.stack(parts).sum(dim=0)


class CategoryEmbedding(nn.Embedding):
    """A vector for each category that starts small; unknown starts at zero and, met only in use, says nothing."""

    def reset_parameters(self) -> None:
        """Uniform in ±1 / √width, unknown zero."""
        nn.init.uniform_(self.weight, -(self.embedding_dim**-0.5), self.embedding_dim**-0.5)
        with torch.no_grad():
            self.weight[UNKNOWN].zero_()


class MLP(TaskModel):
    """Layers with ReLU over the numbers and an embedding of each category.

    Args:
        width: Neurons in a layer.
        depth: Number of hidden layers.
        category_width: Numbers in a category's vector.
        dropout: Share of neurons that are dropped while training.
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(
        self,
        width: Annotated[int, Field(ge=1, le=16384)] = 64,
        depth: Annotated[int, Field(ge=1, le=32)] = 2,
        category_width: Annotated[int, Field(ge=1, le=1024)] = 8,
        dropout: Share = 0.1,
        learning_rate: Rate = 3e-3,
        **optimization: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **optimization)
        self.save_hyperparameters()
        self.width = width
        self.depth = depth
        self.category_width = category_width
        self.dropout = dropout

    def make_network(self, inputs: Inputs, output_count: int) -> nn.Module:
        """`Layers`."""
        return Layers(inputs, self.width, self.depth, self.category_width, self.dropout, output_count)

    def shard_blocks(self) -> list[nn.Module]:
        """None: the layers are sharded together."""
        return []


class Layers(nn.Module):
    """Numbers and category vectors side by side, through hidden layers."""

    def __init__(
        self, inputs: Inputs, width: int, depth: int, category_width: int, dropout: float, output_count: int
    ) -> None:
        super().__init__()
        sizes = _category_sizes(inputs)
        self.categories = nn.ModuleList(CategoryEmbedding(size, category_width) for size in sizes)
        before = _number_count(inputs) + len(sizes) * category_width
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(before, width), nn.ReLU(), nn.Dropout(dropout)]
            before = width
        self.layers = nn.Sequential(*layers, nn.Linear(before, output_count))

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """``(batch, output_count)`` from ``numbers`` ``(batch, n)`` and ``categories`` ``(batch, c)``."""
        parts = [numbers] if numbers is not None else []
        if categories is not None:
            parts += [table(categories[:, place]) for place, table in enumerate(self.categories)]
        output: Tensor = self.layers(torch.cat(parts, dim=1))
        return output


class FTTransformer(TaskModel):
    """Every column becomes a token, and a Transformer lets the columns look at each other (Gorishniy et al., 2021).

    Args:
        width: Numbers in a column's vector; a multiple of heads.
        depth: Number of blocks.
        heads: Attention heads in a block.
        dropout: Share of values that are dropped while training.
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(
        self,
        width: Annotated[int, Field(ge=4, le=4096)] = 32,
        depth: Annotated[int, Field(ge=1, le=48)] = 2,
        heads: Annotated[int, Field(ge=1, le=64)] = 4,
        dropout: Share = 0.1,
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

    def make_network(self, inputs: Inputs, output_count: int) -> nn.Module:
        """A `ColumnEncoder`."""
        return ColumnEncoder(inputs, self.width, self.depth, self.heads, self.dropout, output_count)

    def shard_blocks(self) -> list[nn.Module]:
        """Each Transformer block."""
        assert isinstance(self.network, ColumnEncoder), "call build(signature) first"
        return list(self.network.blocks)


class ColumnEncoder(nn.Module):
    """One token a column and one that gathers the answer, through blocks."""

    def __init__(self, inputs: Inputs, width: int, depth: int, heads: int, dropout: float, output_count: int) -> None:
        super().__init__()
        count = _number_count(inputs)
        self.number_scales = LearnedTokens(count, width) if count else None
        self.number_shifts = LearnedTokens(count, width) if count else None
        self.categories = nn.ModuleList(CategoryEmbedding(size, width) for size in _category_sizes(inputs))
        self.answer = LearnedTokens(1, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, expansion=2) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, output_count))

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """``(batch, output_count)`` from ``numbers`` ``(batch, n)`` and ``categories`` ``(batch, c)``."""
        given = numbers if numbers is not None else categories
        assert given is not None
        tokens = [self.answer().expand(len(given), -1, -1)]  # (batch, 1, width)
        if numbers is not None and self.number_scales is not None and self.number_shifts is not None:
            tokens.append(numbers.unsqueeze(-1) * self.number_scales() + self.number_shifts())  # (batch, n, width)
        if categories is not None:
            columns = [table(categories[:, place]) for place, table in enumerate(self.categories)]
            tokens.append(torch.stack(columns, dim=1))  # (batch, c, width)
        x = torch.cat(tokens, dim=1)  # (batch, 1 + n + c, width)
        for block in self.blocks:
            x = block(x)
        output: Tensor = self.head(x[:, 0])
        return output


def _number_count(inputs: Inputs) -> int:
    return int(inputs["numbers"]["shape"][1]) if "numbers" in inputs else 0


def _category_sizes(inputs: Inputs) -> list[int]:
    return list(inputs["categories"]["sizes"]) if "categories" in inputs else []
