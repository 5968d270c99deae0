"""Other right solutions, in different styles from the reference; each passes every check."""

import torch

from autograder import alternative


@alternative("row_means")
def row_by_row(x):
    return torch.stack([row.sum() / len(row) for row in x])
