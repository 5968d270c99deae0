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
    ### BEGIN SOLUTION
    powers = (x - x.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True)
    ### END SOLUTION

# %%
x = torch.tensor([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]])
shares = softmax(x)
assert shares.shape == (2, 3)
assert torch.allclose(shares, torch.softmax(x, dim=-1), atol=1e-6)
large = torch.tensor([1000.0, 1001.0])
assert torch.allclose(softmax(large).sum(), torch.tensor(1.0))

# %% [markdown]
# ## Moving average

# %%
def moving_average(x: Tensor, width: int) -> Tensor:
    """Return the means of all windows of `width` neighbouring elements of x, a tensor of shape (N - width + 1,).

    x has shape (N,) and a floating dtype. Raise ValueError unless width is from 1 to N.
    """
    ### BEGIN SOLUTION
    if not 1 <= width <= len(x):
        raise ValueError(f"width is {width}; it should be from 1 to {len(x)}")
    return x.unfold(0, width, 1).mean(dim=-1)
    ### END SOLUTION

# %%
y = torch.tensor([1.0, 3.0, 5.0, 4.0])
assert torch.allclose(moving_average(y, 2), torch.tensor([2.0, 4.0, 4.5]))
assert torch.allclose(moving_average(y, 4), y.mean().reshape(1))
for width in (0, 5):
    try:
        moving_average(y, width)
        assert False
    except ValueError:
        pass
