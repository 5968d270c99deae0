"""Other right solutions."""

import torch

from autograder import alternative


@alternative("softmax")
def by_library(x):
    return torch.softmax(x, dim=-1)


@alternative("moving_average")
def one_by_one(x, width):
    if width < 1 or width > x.numel():
        raise ValueError(width)
    return torch.stack([x[i : i + width].mean() for i in range(len(x) - width + 1)])
