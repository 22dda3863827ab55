"""Random changes of training pictures, as plain tensor operations."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How far a training picture may be changed; zero everywhere changes nothing.

    Attributes:
        rotate_degrees: Turned by up to so much, both ways.
        zoom: Made larger or smaller by up to this share.
        shift: Moved by up to this share of the edge, both ways.
        flip: Mirrored left to right, every second time.
        erase: Share of pictures in which a square of up to half the edge is blanked.
    """

    rotate_degrees: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    flip: bool = False
    erase: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Changed copies of float pictures ``(batch, channels, height, width)``; what comes in from outside is 0."""
        if self.rotate_degrees or self.zoom or self.shift or self.flip:
            images = self._moved(images, generator)
        return self._erased(images, generator) if self.erase else images

    def _moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        draws = torch.rand(6, len(images), generator=generator) * 2 - 1  # (6, batch), each in [-1, 1)
        angle = draws[0] * math.radians(self.rotate_degrees)
        scale = 1 + draws[1] * self.zoom
        mirror = torch.where(draws[4] < 0, -1.0, 1.0) if self.flip else torch.ones(len(images))
        cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
        moves = draws[2:4] * 2 * self.shift  # the grid's edge is 2 long
        across = torch.stack([cosine * mirror, -sine, moves[0]], dim=1)  # (batch, 3)
        down = torch.stack([sine * mirror, cosine, moves[1]], dim=1)
        matrices = torch.stack([across, down], dim=1)  # (batch, 2, 3)
        grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, align_corners=False)

    def _erased(self, images: Tensor, generator: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        draws = torch.rand(4, len(images), 1, 1, generator=generator)
        reach = 0.25 * draws[0]  # half the square's edge, as a share of the picture's
        down = (torch.arange(height).view(1, -1, 1) + 0.5) / height
        across = (torch.arange(width).view(1, 1, -1) + 0.5) / width
        inside = ((down - draws[1]).abs() < reach) & ((across - draws[2]).abs() < reach) & (draws[3] < self.erase)
        return images.masked_fill(inside.unsqueeze(1), 0.0)  # (batch, 1, height, width)
