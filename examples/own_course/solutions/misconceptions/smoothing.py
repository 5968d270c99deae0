"""Wrong solutions that students write, each with a sentence that gets them unstuck."""

from autograder import misconception


@misconception("softmax", "What are the powers of large numbers, and what is infinity divided by infinity?")
def overflows(x):
    powers = x.exp()
    return powers / powers.sum(dim=-1, keepdim=True)


@misconception("softmax", "Do all numbers together sum to 1, or those of each row?")
def over_everything(x):
    powers = (x - x.max()).exp()
    return powers / powers.sum()


@misconception("moving_average", "Which width is too small, and which too large? Look at what has to be raised.")
def takes_any_width(x, width):
    return x.unfold(0, max(1, min(width, len(x))), 1).mean(dim=-1)


@misconception("moving_average", "How many windows are there? Look at where yours begin.")
def windows_side_by_side(x, width):
    if not 1 <= width <= len(x):
        raise ValueError
    return x.unfold(0, width, width).mean(dim=-1)
