# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Reductions
#
# By the end of this notebook you will be able to:
#
# * say which dimension of a tensor a reduction removes,
# * reduce the rows or the columns of a matrix.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code. You
# are graded on what the docstring asks for; any implementation that does it is fine.

# %%
import torch
from torch import Tensor

# %% [markdown]
# ## 1. Reducing one dimension
#
# Functions like `sum` and `mean` reduce a whole tensor to one number, or one dimension of it to a number each.
#
# `dim` names the dimension that disappears.

# %%
x = torch.arange(6.0).reshape(2, 3)
print(x.sum(dim=0))

# %% [markdown]
# ### Task `row_means`


# %%
def row_means(x: Tensor) -> Tensor:
    """Return the mean of each row of x.

    x has shape (N, M), N and M at least 1, and a floating dtype. The result has shape (N,) and x's dtype. x is not
    modified, and gradients flow from the result to x.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Reduction operations](https://docs.pytorch.org/docs/stable/torch.html#reduction-ops): what else reduces a dimension.
