"""Pictures, classification and regression: a small ResNet and a small Vision Transformer."""

from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from features.images import ImageFeatures
from lightning_modules.attention import Block, LearnedTokens, check_heads
from lightning_modules.augmentation import Augmentation
from lightning_modules.data import DatasetData
from lightning_modules.stores import ImageStore
from lightning_modules.task import Rate, Share, TaskModel


class ImageData(DatasetData):
    """Batches of pictures, with random changes while training.

    Memory: a split is held decoded, one byte a pixel and channel, when that is at most 1 GiB; else its encoded files
    are held (memory-mapped) and each batch is decoded when it is needed: then set num_workers to the idle processors.

    Args:
        dataset: Name of a dataset of pictures, such as digits or mnist-5k@1.
        batch_size: Pictures per step and process, at most: an epoch is cut into equal batches.
        size: Edge in pixels to which pictures are brought, their shape kept; empty takes the training split's median.
        rotate_degrees: Augmentation: turn by up to so much, both ways.
        zoom: Augmentation: enlarge or shrink by up to this share.
        shift: Augmentation: move by up to this share of the edge.
        flip: Augmentation: mirror left to right, every second time.
        erase: Augmentation: share of pictures in which a square is blanked.
        num_workers: Processes that prepare batches ahead; 0 does it in the training process.
    """

    kind = "images"
    features: ImageFeatures

    def __init__(
        self,
        dataset: str,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        size: Annotated[int, Field(ge=4, le=1024)] | None = None,
        rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0,
        zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0,
        flip: bool = False,
        erase: Annotated[float, Field(ge=0, le=1)] = 0.0,
        num_workers: Annotated[int, Field(ge=0, le=64)] = 0,
    ) -> None:
        super().__init__(dataset, batch_size, num_workers)
        self.size = size
        self.augmentation = Augmentation(rotate_degrees, zoom, shift, flip, erase)

    def fit_features(self, table: pa.Table, schema: Any) -> ImageFeatures:
        """Size, channels, mean and deviation of the training split."""
        return ImageFeatures.fit(table, schema, size=self.size)

    def make_store(self, table: pa.Table, target: np.ndarray) -> ImageStore:
        """Decoded pictures, or the encoded ones when they would fill the memory."""
        return ImageStore(self.features, table, target, self.augmentation)


class SmallResNet(TaskModel):
    """Convolutions with shortcuts in three stages, each at half the resolution of the one before (He et al., 2015).

    Args:
        width: Channels of the first stage; the next ones have two and four times as many.
        blocks: Blocks in each stage.
        dropout: Share of the pooled channels that are dropped while training.
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(
        self,
        width: Annotated[int, Field(ge=4, le=1024)] = 16,
        blocks: Annotated[int, Field(ge=1, le=16)] = 1,
        dropout: Share = 0.1,
        learning_rate: Rate = 5e-3,
        **optimization: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **optimization)
        self.save_hyperparameters()
        self.width = width
        self.blocks = blocks
        self.dropout = dropout

    def make_network(self, inputs: dict[str, dict[str, Any]], output_count: int) -> nn.Module:
        """A `ResNet`."""
        return ResNet(inputs["image"]["shape"][1], self.width, self.blocks, self.dropout, output_count)

    def shard_blocks(self) -> list[nn.Module]:
        """Each block of convolutions."""
        assert isinstance(self.network, ResNet), "call build(signature) first"
        return list(self.network.stages)


class ConvolutionBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels_out)
        same = stride == 1 and channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (batch, channels_in, height, width)
        """``(batch, channels_out, height / stride, width / stride)``."""
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """Stem, three stages, mean over the picture, linear layer."""

    def __init__(self, channels: int, width: int, blocks: int, dropout: float, output_count: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        stages, before = [], width
        for stage in range(3):
            after = width * 2**stage
            for block in range(blocks):
                stages.append(ConvolutionBlock(before, after, 2 if stage and not block else 1))
                before = after
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(before, output_count))

    def forward(self, image: Tensor) -> Tensor:  # (batch, channels, height, width)
        """``(batch, output_count)``."""
        x = self.stages(functional.relu(self.stem_norm(self.stem(image))))
        output: Tensor = self.head(x.mean(dim=(2, 3)))
        return output


class SmallViT(TaskModel):
    """A Transformer over square patches of the picture (Dosovitskiy et al., 2020).

    Args:
        patch: Edge of a patch in pixels.
        width: Numbers in a patch's vector; a multiple of heads.
        depth: Number of blocks.
        heads: Attention heads in a block.
        dropout: Share of values that are dropped while training.
        stem: Channels of a 3×3 convolution over the picture before it is cut into patches, which lets a small model
            learn from few pictures (Xiao et al., 2021); 0 for none.
        learning_rate: Highest learning rate of AdamW.
        optimization: Weight decay, schedule and the like; see `TaskModel`.
    """

    def __init__(
        self,
        patch: Annotated[int, Field(ge=1, le=64)] = 4,
        width: Annotated[int, Field(ge=4, le=4096)] = 64,
        depth: Annotated[int, Field(ge=1, le=48)] = 4,
        heads: Annotated[int, Field(ge=1, le=64)] = 4,
        dropout: Share = 0.1,
        stem: Annotated[int, Field(ge=0, le=1024)] = 0,
        learning_rate: Rate = 1e-3,
        **optimization: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **optimization)
        self.save_hyperparameters()
        check_heads(width, heads)
        self.patch = patch
        self.width = width
        self.depth = depth
        self.heads = heads
        self.dropout = dropout
        self.stem = stem

    def make_network(self, inputs: dict[str, dict[str, Any]], output_count: int) -> nn.Module:
        """A `VisionTransformer`."""
        _, channels, size, _ = inputs["image"]["shape"]
        if self.patch > size:
            raise ValueError(f"patch is {self.patch} pixels, but the pictures have {size}; choose a smaller one.")
        return VisionTransformer(
            channels, size, self.patch, self.width, self.depth, self.heads, self.dropout, self.stem, output_count
        )

    def shard_blocks(self) -> list[nn.Module]:
        """Each Transformer block."""
        assert isinstance(self.network, VisionTransformer), "call build(signature) first"
        return list(self.network.blocks)


class VisionTransformer(nn.Module):
    """Stem if any, patches, positions, blocks, norm, mean over patches, linear layer."""

    def __init__(
        self,
        channels: int,
        size: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        dropout: float,
        stem: int,
        output_count: int,
    ) -> None:
        super().__init__()
        self.stem: nn.Module = nn.Identity()
        if stem:
            convolution = nn.Conv2d(channels, stem, 3, padding=1, bias=False)
            self.stem = nn.Sequential(convolution, nn.BatchNorm2d(stem), nn.ReLU())
        self.patches = nn.Conv2d(stem or channels, width, patch, stride=patch)
        # As large as the patches' own vectors: with smaller ones a small model stays blind to places for many epochs.
        self.positions = LearnedTokens((size // patch) ** 2, width, spread=0.5)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, expansion=2) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, output_count)

    def forward(self, image: Tensor) -> Tensor:  # (batch, channels, height, width)
        """``(batch, output_count)``."""
        x = self.patches(self.stem(image)).flatten(2).transpose(1, 2) + self.positions()  # (batch, patches, width)
        for block in self.blocks:
            x = block(x)
        output: Tensor = self.head(self.norm(x).mean(dim=1))
        return output
