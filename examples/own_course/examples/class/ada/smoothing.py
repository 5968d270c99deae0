import torch


def softmax(x):
    return torch.softmax(x, -1)


def moving_average(x, width):
    if not 0 < width <= len(x):
        raise ValueError("width")
    return x.unfold(0, width, 1).mean(1)
