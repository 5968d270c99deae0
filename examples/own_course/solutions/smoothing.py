"""Reference solutions, imported."""

# %%
from torch import Tensor


# %%
def softmax(x: Tensor) -> Tensor:
    """Return the softmax of x over its last dimension, a tensor of x's shape.

    x has at least one dimension and a floating dtype. Large numbers do not overflow.
    """
    powers = (x - x.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


# %%
def moving_average(x: Tensor, width: int) -> Tensor:
    """Return the means of all windows of `width` neighbouring elements of x, a tensor of shape (N - width + 1,).

    x has shape (N,) and a floating dtype. Raise ValueError unless width is from 1 to N.
    """
    if not 1 <= width <= len(x):
        raise ValueError(f"width is {width}; it should be from 1 to {len(x)}")
    return x.unfold(0, width, 1).mean(dim=-1)
