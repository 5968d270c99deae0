# %% [markdown]
# # Smoothing
#
# A course's old notebook: functions with solutions, and cells with asserts. `autograde import` made the topic from it.

# %%
import torch
from torch import Tensor

# %% [markdown]
# ## Softmax
#
# Softmax turns numbers into shares that sum to 1.

# %%
def softmax(x: Tensor) -> Tensor:
    """Return the softmax of x over its last dimension, a tensor of x's shape.

    x has at least one dimension and a floating dtype. Large numbers do not overflow.
    """
    raise NotImplementedError

# %% [markdown]
# ## Moving average

# %%
def moving_average(x: Tensor, width: int) -> Tensor:
    """Return the means of all windows of `width` neighbouring elements of x, a tensor of shape (N - width + 1,).

    x has shape (N,) and a floating dtype. Raise ValueError unless width is from 1 to N.
    """
    raise NotImplementedError
